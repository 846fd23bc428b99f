"""The machines of a class in the lab: as AWS describes them, and what root on them sees."""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from lab.layout import ENDPOINT_URL, RUN
from lab.layout import STATE as LAB_STATE
from lab.state import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ec2 import EC2Client

REGION = "us-east-1"  # that of class.yml
SECONDS = 120


def refuse_a_lab_that_is_up() -> None:
    """End the tests when a lab is up or its state is kept: it may carry somebody's class, and they take it down."""
    if RUN.exists() or LAB_STATE.exists():
        pytest.exit("A lab is up on this machine, or its state is kept: end it (make lab-down), then test.", 1)


def ec2() -> EC2Client:
    """Return a client of the lab's EC2, which threads may share."""
    own = Secrets.load()
    return _ec2(own.access_key, own.secret_key)


@functools.cache  # by the keys, too: each lab has its own
def _ec2(access_key: str, secret_key: str) -> EC2Client:
    return boto3.client(
        "ec2",
        endpoint_url=ENDPOINT_URL,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )


def machines() -> list[dict[str, Any]]:
    """Describe all instances that were ever launched, with the tags as a mapping and the state as a word."""
    found = [each for reservation in ec2().describe_instances()["Reservations"] for each in reservation["Instances"]]
    return [
        {**each, "Tags": {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])}, "State": each["State"]["Name"]}
        for each in found
    ]


def running() -> dict[str, str]:
    """Return the address of each machine that runs, by seat."""
    found = ((each["Tags"].get("Name", ""), each) for each in machines() if each["State"] == "running")
    return {seat: each["PublicIpAddress"] for seat, each in sorted(found, key=lambda one: one[0]) if seat}


def as_root(seat: str, script: str, state: Path, *, check: bool = True) -> str:
    """Run a script as root on one machine, with the key and the pinned host keys in `state`; return what it prints."""
    pinned = [f"HostKeyAlias={seat}", f"UserKnownHostsFile={state}/known_hosts"]
    options = ["BatchMode=yes", "ConnectTimeout=5", "ConnectionAttempts=3", *pinned]
    login = ["ssh", "-F", "none", "-i", str(state / "ssh_key"), *(f"-o{option}" for option in options)]
    done = subprocess.run(
        [*login, f"ubuntu@{running()[seat]}", "sudo", "sh", "-eu"],
        input=script,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{seat}: {script}\nended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout
