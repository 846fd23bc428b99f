"""What EC2 answers about machines that it launched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from lab.image import RELEASES
from tests.support import account_owner
from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client


@pytest.fixture
def ec2() -> Iterator[EC2Client]:
    """Return the EC2 of an AWS without hosts."""
    aws = Aws()
    yield account_owner.ec2(aws.url)
    aws.close()


def test_the_latest_console_is_nitros_alone(ec2: EC2Client) -> None:
    consoles = {}
    for kind in ("t2.large", "t3a.large"):
        made = ec2.run_instances(ImageId=RELEASES[0].ami, MinCount=1, MaxCount=1, InstanceType=kind)
        consoles[kind] = made["Instances"][0]["InstanceId"]
    try:
        assert "HOST KEY" in ec2.get_console_output(InstanceId=consoles["t3a.large"], Latest=True)["Output"]
        assert "HOST KEY" in ec2.get_console_output(InstanceId=consoles["t2.large"])["Output"]
        with pytest.raises(ClientError, match=r"UnsupportedOperation.*latest console logs"):
            ec2.get_console_output(InstanceId=consoles["t2.large"], Latest=True)
    finally:
        ec2.terminate_instances(InstanceIds=list(consoles.values()))


def test_the_groups_of_an_instance_are_those_of_its_interface(ec2: EC2Client) -> None:
    group = ec2.create_security_group(GroupName="students", Description="ssh")["GroupId"]
    (launched,) = ec2.run_instances(
        ImageId=RELEASES[0].ami,
        MinCount=1,
        MaxCount=1,
        InstanceType="m6a.large",
        NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [group]}],
    )["Instances"]
    try:
        told = ec2.describe_instance_attribute(InstanceId=launched["InstanceId"], Attribute="groupSet")
        assert told["Groups"] == [{"GroupId": group}]
        (found,) = ec2.describe_instances(InstanceIds=[launched["InstanceId"]])["Reservations"][0]["Instances"]
        assert found["SecurityGroups"] == [{"GroupId": group, "GroupName": "students"}]
    finally:
        ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])


def test_a_disk_is_detached_without_a_word_of_whose_it_is(ec2: EC2Client) -> None:
    launched = ec2.run_instances(ImageId=RELEASES[0].ami, MinCount=1, MaxCount=1, InstanceType="m6a.large")
    machine = launched["Instances"][0]["InstanceId"]
    disk = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=disk, InstanceId=machine, Device="/dev/sdf")
    assert ec2.detach_volume(VolumeId=disk)["InstanceId"] == machine
    with pytest.raises(ClientError, match="IncorrectState"):
        ec2.detach_volume(VolumeId=disk)
    ec2.delete_volume(VolumeId=disk)
    ec2.terminate_instances(InstanceIds=[machine])
