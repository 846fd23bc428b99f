"""EC2 without hosts: quotas and others that are granted, pages, and refusals of one machine."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lab.backends import GP3_QUOTA, VCPU_QUOTAS, LabEC2
from lab.faults import Fault
from lab.image import RELEASES
from tests.support import account_owner
from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

REGION = "eu-west-1"
STANDARD = VCPU_QUOTAS[0]


@pytest.fixture
def ec2(aws: Aws) -> Iterator[EC2Client]:
    """Return a client, whose machines are gone afterwards, as is a quota that was granted."""
    ec2 = account_owner.ec2(aws.url, REGION)
    yield ec2
    for page in ec2.get_paginator("describe_instances").paginate():
        if ids := [each["InstanceId"] for reservation in page["Reservations"] for each in reservation["Instances"]]:
            ec2.terminate_instances(InstanceIds=ids)
    for quota in (STANDARD, GP3_QUOTA):
        aws.set_quota(quota.code, quota.limit, REGION)


def launch(ec2: EC2Client, number: int, name: str = "") -> list[str]:
    """Launch machines with two vCPUs each; return their ids."""
    found = ec2.run_instances(
        ImageId=RELEASES[0].ami,
        MinCount=number,
        MaxCount=number,
        InstanceType="t3.micro",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
    )
    return [each["InstanceId"] for each in found["Instances"]]


def test_a_quota_is_what_it_was_set_to_and_is_saved(aws: Aws, ec2: EC2Client) -> None:
    quotas = account_owner.session(aws.url, REGION).client("service-quotas", endpoint_url=aws.url)

    def told() -> float:
        return float(quotas.get_service_quota(ServiceCode="ec2", QuotaCode=STANDARD.code)["Quota"]["Value"])

    assert told() == 64
    aws.set_quota(STANDARD.code, 5, REGION)  # what AWS gives a new account
    assert told() == 5
    launch(ec2, 2)
    with pytest.raises(ClientError, match="current vCPU limit of 5 allows"):
        launch(ec2, 1)
    with pytest.raises(ValueError, match="There is no quota L-0"):
        aws.set_quota("L-0", 1, REGION)


def test_aws_s_default_is_not_what_the_account_was_given(aws: Aws) -> None:
    quotas = account_owner.session(aws.url, REGION).client("service-quotas", endpoint_url=aws.url)
    told = [quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=each.code) for each in VCPU_QUOTAS]
    assert [each["Quota"]["Value"] for each in told] == [5, 0, 0]
    assert [each["Quota"]["QuotaCode"] for each in told] == [each.code for each in VCPU_QUOTAS]
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode="L-0")


def test_what_is_launched_beyond_the_storage_of_the_account_ends(aws: Aws, ec2: EC2Client) -> None:
    quotas = account_owner.session(aws.url, REGION).client("service-quotas", endpoint_url=aws.url)
    asked = {"ServiceCode": "ebs", "QuotaCode": GP3_QUOTA.code}
    assert quotas.get_service_quota(**asked)["Quota"]["Value"] == 50
    assert quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"] == 50
    aws.set_quota(GP3_QUOTA.code, 24 / 1024, REGION)  # room for three disks of the image's 8 GiB
    ids = launch(ec2, 5)
    pages = ec2.describe_instances(InstanceIds=ids)["Reservations"]
    machines = [each for reservation in pages for each in reservation["Instances"]]
    assert [each["State"]["Name"] for each in machines] == ["running"] * 3 + ["terminated"] * 2
    assert [each["StateReason"]["Code"] for each in machines[3:]] == ["Client.VolumeLimitExceeded"] * 2
    wanted: Any = [{"Name": "volume-type", "Values": ["gp3"]}]
    assert [disk["Size"] for disk in ec2.describe_volumes(Filters=wanted)["Volumes"]] == [8] * 3
    wanted[0]["Values"] = ["gp2"]
    assert ec2.describe_volumes(Filters=wanted)["Volumes"] == []
    ec2.terminate_instances(InstanceIds=ids[:2])
    (again,) = ec2.describe_instances(InstanceIds=launch(ec2, 1))["Reservations"][0]["Instances"]
    assert again["State"]["Name"] == "running"


def test_quotas_outlive_the_process_and_older_states_have_none() -> None:
    backend = LabEC2(REGION, "123456789012")
    backend.set_limit(STANDARD.code, 802)
    assert pickle.loads(pickle.dumps(backend)).limit(STANDARD) == 802  # noqa: S301 - just pickled
    del backend.vcpu_limits
    assert pickle.loads(pickle.dumps(backend)).limit(STANDARD) == 64  # noqa: S301 - just pickled


def test_pages_are_cut_by_machines(aws: Aws, ec2: EC2Client) -> None:
    aws.set_quota(STANDARD.code, 100, REGION)
    ids = launch(ec2, 20) + launch(ec2, 13)
    pages = [
        [each["InstanceId"] for reservation in page["Reservations"] for each in reservation["Instances"]]
        for page in ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": ["running"]}], PaginationConfig={"PageSize": 15}
        )
    ]
    assert [len(page) for page in pages] == [15, 15, 3]
    assert [machine for page in pages for machine in page] == ids
    with pytest.raises(ClientError, match="Expecting a value less than 1000"):
        ec2.describe_instances(MaxResults=1001)
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ec2.describe_instances(NextToken="so it ends")
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        ec2.describe_instances(InstanceIds=ids[:1], MaxResults=5)


def test_one_machine_is_refused_by_its_name_or_id(aws: Aws, ec2: EC2Client) -> None:
    (ada,), (grace,) = launch(ec2, 1, "ml101-001"), launch(ec2, 1, "ml101-002")
    ec2.stop_instances(InstanceIds=[ada, grace])
    for seat in ("ml101-002", grace):
        aws.faults.add(Fault("StartInstances", "IncorrectInstanceState", seat=seat))
        with pytest.raises(ClientError, match="IncorrectInstanceState"):
            ec2.start_instances(InstanceIds=[ada, grace])
        aws.faults.add(Fault("StartInstances", "IncorrectInstanceState", seat=seat))
        ec2.start_instances(InstanceIds=[ada])
        ec2.stop_instances(InstanceIds=[ada])
        aws.faults.clear()


def test_an_image_of_a_machine_has_its_disk_and_tags_of_its_own(ec2: EC2Client) -> None:
    disk: Any = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 21, "VolumeType": "gp3", "Encrypted": True}}
    machine = ec2.run_instances(
        ImageId=RELEASES[0].ami, MinCount=1, MaxCount=1, InstanceType="t3.micro", BlockDeviceMappings=[disk]
    )["Instances"][0]["InstanceId"]
    tags: Any = [{"Key": "BakedBy", "Value": "ml101"}]
    named: Any = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
    made = ec2.create_image(InstanceId=machine, Name="baked", TagSpecifications=named)["ImageId"]
    try:
        wanted: Any = [{"Name": "tag:BakedBy", "Values": ["ml101"]}]
        (image,) = ec2.describe_images(Owners=["self"], Filters=wanted)["Images"]
        (root,) = image["BlockDeviceMappings"]
        assert (image["ImageId"], root["Ebs"]["VolumeSize"]) == (made, 21)
        (snapshot,) = ec2.describe_snapshots(Filters=wanted)["Snapshots"]
        assert snapshot["SnapshotId"] == root["Ebs"]["SnapshotId"]
        assert snapshot["VolumeSize"] == 21
        assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == [snapshot]  # not those of Canonical's images
        with pytest.raises(ClientError, match=r"InvalidSnapshot\.InUse"):
            ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
    finally:
        ec2.deregister_image(ImageId=made)
    ec2.delete_snapshot(SnapshotId=root["Ebs"]["SnapshotId"])


def test_a_disk_under_another_name_than_the_root_s_comes_on_top_of_it(aws: Aws, ec2: EC2Client) -> None:
    disk: Any = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 21}}
    machine = ec2.run_instances(
        ImageId=aws.add_image("/dev/xvda", REGION),
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        BlockDeviceMappings=[disk],
    )["Instances"][0]["InstanceId"]
    (told,) = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
    assert told["RootDeviceName"] == "/dev/xvda"
    disks = {each["DeviceName"]: each["Ebs"]["VolumeId"] for each in told["BlockDeviceMappings"]}
    sizes = {each["VolumeId"]: each["Size"] for each in ec2.describe_volumes(VolumeIds=[*disks.values()])["Volumes"]}
    assert {device: sizes[volume] for device, volume in disks.items()} == {"/dev/xvda": 8, "/dev/sda1": 21}
    made = ec2.create_image(InstanceId=machine, Name="of another root")["ImageId"]
    (image,) = ec2.describe_images(ImageIds=[made])["Images"]
    assert [each["Ebs"]["VolumeSize"] for each in image["BlockDeviceMappings"]] == [8]
    assert image["RootDeviceName"] == "/dev/xvda"
    ec2.deregister_image(ImageId=made)


@pytest.mark.parametrize(("asked", "stays"), [({}, False), ({"DeleteOnTermination": False}, True)])
def test_what_a_launch_does_not_say_of_the_root_disk_the_image_does(
    ec2: EC2Client, asked: dict[str, bool], stays: bool
) -> None:
    disk: Any = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 21, **asked}}
    machine = ec2.run_instances(
        ImageId=RELEASES[0].ami, MinCount=1, MaxCount=1, InstanceType="t3.micro", BlockDeviceMappings=[disk]
    )["Instances"][0]["InstanceId"]
    of_machine: Any = [{"Name": "attachment.instance-id", "Values": [machine]}]
    (root,) = ec2.describe_volumes(Filters=of_machine)["Volumes"]
    assert (root["Size"], root["VolumeType"]) == (21, "gp3")
    ec2.terminate_instances(InstanceIds=[machine])
    left = [each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]]
    assert (root["VolumeId"] in left) is stays
    if stays:
        ec2.delete_volume(VolumeId=root["VolumeId"])


def test_disks_and_snapshots_come_in_pages(ec2: EC2Client) -> None:
    made = [ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"] for _ in range(7)]
    snapshots = [ec2.create_snapshot(VolumeId=each)["SnapshotId"] for each in made]
    paginator: Any = ec2.get_paginator
    in_fives: Any = {"PaginationConfig": {"PageSize": 5}}
    for action, key, name, wanted in (
        ("describe_volumes", "Volumes", "VolumeId", made),
        ("describe_snapshots", "Snapshots", "SnapshotId", snapshots),
    ):
        pages = [page[key] for page in paginator(action).paginate(**in_fives)]
        assert len(pages[0]) == 5
        assert len(pages) > 1
        assert {each[name] for page in pages for each in page} >= {*wanted}
    for snapshot in snapshots:
        ec2.delete_snapshot(SnapshotId=snapshot)
    for volume in made:
        ec2.delete_volume(VolumeId=volume)
