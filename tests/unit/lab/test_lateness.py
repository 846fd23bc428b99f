"""EC2 that is late: what was launched is not there yet, what ends still holds its group."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lab.image import RELEASES
from lab.lateness import LATENESS, Lateness
from tests.support import account_owner

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


def test_it_is_late_by_the_clock() -> None:
    now = 0.0
    late = Lateness(launch_s=5, ending_s=30, clock=lambda: now)
    late.launched(["i-a"])
    late.ending("i-a")
    now = 4.9
    late.ending("i-a")  # asked again, it ends no later
    assert (late.hidden(["i-a", "i-b"]), round(late.seconds_to_end("i-a"))) == (["i-a"], 25)
    now = 31
    assert (late.hidden(["i-a", "i-b"]), late.seconds_to_end("i-a"), late.seconds_to_end("i-b")) == ([], 0, 0)
