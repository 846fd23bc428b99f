"""EC2 that is late: what was launched is not there yet, what ends still holds its group, consoles show nothing."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab import hosts, network
from lab.faults import Faults
from lab.fleet import Fleet
from lab.image import RELEASES
from lab.lateness import LATENESS, Lateness
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

    from tests.support.desk import Aws

MINE: Any = [
    {"Name": "tag:Class", "Values": ["late"]},
    {"Name": "instance-state-name", "Values": ["pending", "running"]},
]


@pytest.fixture
def ec2(aws: Aws) -> Iterator[EC2Client]:
    """Return a client; EC2 is on time afterwards, and without machines."""
    yield account_owner.ec2(aws.url)
    LATENESS.set()
    aws.end_machines()


def launch(ec2: EC2Client, group: str = "default") -> str:
    """Launch a machine; return its id."""
    made = ec2.run_instances(
        ImageId=RELEASES[0].ami,
        MinCount=1,
        MaxCount=1,
        InstanceType="t3a.large",
        SecurityGroups=[group],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Class", "Value": "late"}]}],
    )
    return made["Instances"][0]["InstanceId"]


def found(ec2: EC2Client) -> list[str]:
    """Return the ids of the machines that are listed by their tag."""
    pages = ec2.describe_instances(Filters=MINE)["Reservations"]
    return [each["InstanceId"] for page in pages for each in page["Instances"]]


def until(ready: Any) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_was_launched_is_not_shown_at_once(ec2: EC2Client) -> None:
    LATENESS.set(launch_s=1000)
    machine = launch(ec2)
    assert found(ec2) == []
    for ask in (ec2.describe_instances, ec2.describe_instance_status):
        with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
            ask(InstanceIds=[machine])
    LATENESS.set()
    assert found(ec2) == [machine]


def test_tags_are_read_as_they_were_before(ec2: EC2Client) -> None:
    machine = launch(ec2)

    def read() -> dict[str, str]:
        (told,) = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
        return {tag["Key"]: tag["Value"] for tag in told["Tags"]}

    LATENESS.set(tags_s=1000)
    ec2.create_tags(Resources=[machine], Tags=[{"Key": "Class", "Value": "other"}])
    ec2.create_tags(Resources=[machine], Tags=[{"Key": "Name", "Value": "new"}])
    assert (read(), found(ec2)) == ({"Class": "late"}, [machine])
    LATENESS.set()
    assert (read(), found(ec2)) == ({"Class": "other", "Name": "new"}, [])


def test_whatever_asks_reads_tags_once_their_time_has_come(aws: Aws, ec2: EC2Client) -> None:
    """The user of docs/aws-policy.json may end a machine as soon as AWS shows that it is one of a class."""
    machine = launch(ec2)
    ec2.delete_tags(Resources=[machine], Tags=[{"Key": "Class"}])
    ec2.create_tags(Resources=[machine], Tags=[{"Key": "Name", "Value": "old"}])
    session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=account_owner.REGION)
    user = session.client("ec2", endpoint_url=aws.url, config=Config(retries={"total_max_attempts": 1}))
    LATENESS.set(tags_s=1000)
    ec2.create_tags(Resources=[machine], Tags=[{"Key": "Class", "Value": "late"}, {"Key": "Name", "Value": "new"}])
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        user.terminate_instances(InstanceIds=[machine])
    LATENESS.set()
    user.terminate_instances(InstanceIds=[machine])
    LATENESS.set(tags_s=1000)
    ec2.create_tags(Resources=[machine], Tags=[{"Key": "Name", "Value": "newest"}])
    LATENESS.set()
    named: Any = [{"Name": "resource-id", "Values": [machine]}, {"Name": "key", "Values": ["Name"]}]
    assert [tag["Value"] for tag in ec2.describe_tags(Filters=named)["Tags"]] == ["newest"]


def test_what_shuts_down_holds_its_group_until_it_has_ended(ec2: EC2Client) -> None:
    group = ec2.create_security_group(GroupName="late", Description="ssh")["GroupId"]
    machine = launch(ec2, "late")
    LATENESS.set(ending_s=2)
    ec2.terminate_instances(InstanceIds=[machine])

    def state() -> str:
        return ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]["State"]["Name"]

    assert state() == "shutting-down"
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    until(lambda: state() == "terminated")
    ec2.delete_security_group(GroupId=group)


@pytest.mark.parametrize("latest", [True, False])
def test_a_console_has_no_output_at_first(ec2: EC2Client, latest: bool) -> None:
    LATENESS.set(console_s=1000)
    machine = launch(ec2)
    assert "Output" not in ec2.get_console_output(InstanceId=machine, Latest=latest)
    LATENESS.set()
    assert "HOST KEY" in ec2.get_console_output(InstanceId=machine, Latest=latest)["Output"]


def test_a_console_is_late_after_each_boot(ec2: EC2Client) -> None:
    machine = launch(ec2)

    def shown() -> bool:
        return "Output" in ec2.get_console_output(InstanceId=machine, Latest=True)

    LATENESS.set(console_s=1)
    until(shown)
    ec2.reboot_instances(InstanceIds=[machine])
    assert not shown()
    until(shown)
    ec2.stop_instances(InstanceIds=[machine])
    assert shown()
    ec2.start_instances(InstanceIds=[machine])
    assert not shown()


def test_a_host_that_reboots_by_itself_has_a_late_console(monkeypatch: pytest.MonkeyPatch) -> None:
    found = hosts.HostState("exited", hosts.EXIT_REBOOT)

    def start(_instance: str) -> None:
        nonlocal found
        found = hosts.HostState("running", pid=os.getpid())

    monkeypatch.setattr(hosts, "state", lambda _instance: found)
    monkeypatch.setattr(hosts, "start", start)
    monkeypatch.setattr(network, "reach_metadata", lambda _pid: None)
    settled: list[bool] = []
    fleet = Fleet(Faults(), lambda: settled.append(True))
    monkeypatch.setattr(fleet, "instances", lambda: [SimpleNamespace(id="i-rebooted", state="running")])
    LATENESS.set(console_s=1000)
    try:
        fleet.settle_later("i-rebooted")
        until(lambda: settled)
        assert (found.running, LATENESS.silent("i-rebooted"), LATENESS.silent("i-other")) == (True, True, False)
    finally:
        LATENESS.set()


def test_it_is_late_by_the_clock() -> None:
    now = 0.0
    late = Lateness(launch_s=5, ending_s=30, console_s=20, clock=lambda: now)
    late.launched(["i-a"])
    late.ending("i-a")
    late.booted("i-a")
    now = 4.9
    late.ending("i-a")  # asked again, it ends no later
    late.booted("i-a")  # booted again, its console comes later
    assert (late.hidden(["i-a", "i-b"]), round(late.seconds_to_end("i-a"))) == (["i-a"], 25)
    now = 24.8
    assert (late.silent("i-a"), late.silent("i-b")) == (True, False)
    now = 31
    assert (late.hidden(["i-a", "i-b"]), late.seconds_to_end("i-a"), late.seconds_to_end("i-b")) == ([], 0, 0)
    assert not late.silent("i-a")
