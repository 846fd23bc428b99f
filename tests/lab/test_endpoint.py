"""Requests that are made to fail, and their log."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from lab import layout
from tests.lab.command import lab
from tests.lab.machines import Machines


def test_injected_faults_come_and_go(machines: Machines) -> None:
    assert lab("fault", "--action", "RunInstances", "--code", "InsufficientInstanceCapacity").returncode == 0
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity") as refused:
        machines.launch()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert lab("fault", "--action", "boot", "--code", "Server.InternalError").returncode == 0
    (made,) = machines.launch()
    machines.wait("terminated", made)
    assert machines.get(made)["StateReason"]["Code"] == "Server.InternalError"
    assert lab("fault", "--action", "DescribeInstances").returncode == 1
    said = ("--code", "UnauthorizedOperation", "--message", "You are not authorized to do this.")
    assert lab("fault", "--action", "DescribeKeyPairs", *said).returncode == 0
    with pytest.raises(ClientError, match="You are not authorized to do this"):
        machines.ec2.describe_key_pairs()
    entries = [json.loads(line) for line in layout.REQUESTS.read_text().splitlines()]
    failed = [entry for entry in entries if entry["action"] == "RunInstances" and entry["status"] == 500]
    assert failed[-1]["code"] == "InsufficientInstanceCapacity"
