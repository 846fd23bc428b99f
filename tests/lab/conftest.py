"""One lab for all tests of this folder; it must not be up already, since it may carry somebody's class."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from botocore.config import Config

from lab import layout
from tests.lab.command import lab
from tests.lab.machines import SEAT, Machines
from tests.support import account_owner
from tests.support.class_machines import refuse_a_lab_that_is_up
from tests.support.traces import traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

REGION = "eu-central-1"
PARAMETER = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
FOLDER = Path(__file__).parent
LAST = FOLDER / "test_lifecycle.py"  # it takes the lab down
SECONDS = 300  # for each test; the first waits until the lab is up


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound each test of this folder, and let the one that takes the lab down be the last."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.timeout(SECONDS))
    items.sort(key=lambda item: item.path == LAST)


@pytest.fixture(scope="package", autouse=True)
def traces_before() -> Iterator[dict[str, set[str]]]:
    """Bring the lab up, and take it down at the end; gives what was on this machine before it."""
    refuse_a_lab_that_is_up()
    before = traces()
    try:
        up = lab("up", "--on-time")
        assert up.returncode == 0, up.stderr
        yield before
    finally:
        down = lab("down")
    assert down.returncode == 0, down.stderr


@pytest.fixture(scope="package")
def variables() -> dict[str, Any]:
    """Return the class variables that the lab sets."""
    found: dict[str, Any] = yaml.safe_load(layout.VARIABLES.read_text())
    return found


@pytest.fixture(scope="package")
def environment() -> dict[str, str]:
    """Return what `source lab/activate` makes of an environment with an account of its own in it."""
    own = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "old"}
    # Twice, as people do; from another folder, under a careful shell.
    command = 'set -eu; cd /; source "$1"; source "$1"; env -0'
    shell = subprocess.run(
        ["bash", "-c", command, "-", layout.PROJECT / "lab" / "activate"],
        env=own,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(entry.split("=", 1) for entry in shell.stdout.split("\0") if entry)


@pytest.fixture(scope="package")
def session() -> boto3.Session:
    """Return a session with which everything may be tried, in another region than the class's."""
    return account_owner.session(region=REGION)


@pytest.fixture(scope="package")
def machines(session: boto3.Session, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Machines:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    url = environment["AWS_ENDPOINT_URL"]
    # Faults shall be seen, not retried away.
    ec2 = session.client("ec2", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))
    ec2.import_key_pair(KeyName="lab-test", PublicKeyMaterial=key.with_suffix(".pub").read_bytes())
    group = ec2.create_security_group(GroupName="lab-test", Description="ssh from this machine")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp=f"{layout.GATEWAY}/32"
    )
    ami = session.client("ssm", endpoint_url=url).get_parameter(Name=PARAMETER)["Parameter"]["Value"]
    return Machines(ec2, ami, key, group)


@pytest.fixture(scope="package")
def machine(machines: Machines) -> str:
    """One machine for all tests that leave it running."""
    (made,) = machines.launch(
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": SEAT}]}]
    )
    machines.wait("running", made)
    machines.say(made, "true")
    return made
