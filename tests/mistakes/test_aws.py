"""Credentials, region, quota and all else that AWS refuses: in words, and before anything is made."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lab.image import RELEASES
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, Desk

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

NEXT = "in group_vars/all/class.yml, then run again."


def test_no_credentials(desk: Desk) -> None:
    desk.environment |= {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert desk.play("provision.yml").failure == (
        "There are no AWS credentials here: Unable to locate credentials\n"
        "Run `aws configure`, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run again."
    )


def test_half_of_the_credentials(desk: Desk) -> None:
    desk.environment["AWS_SECRET_ACCESS_KEY"] = None
    shown = desk.play("status.yml")
    assert "There are no AWS credentials here: Partial credentials found in env" in shown.failure
    assert ACCESS_KEY not in shown.text


def test_a_profile_that_is_not_there(desk: Desk) -> None:
    desk.environment["AWS_PROFILE"] = "nobody"
    assert desk.play("provision.yml").failure == (
        "The AWS configuration does not fit: The config profile (nobody) could not be found\n"
        "Look at AWS_PROFILE and ~/.aws/config."
    )


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        (
            "GetCallerIdentity",
            "ExpiredToken",
            "The AWS credentials have expired. Log in again (`aws sso login`, or new keys) and run again.",
        ),
        (
            "GetCallerIdentity",
            "InvalidClientTokenId",
            "AWS refuses these credentials: InvalidClientTokenId.\n"
            "Check that the keys are whole and not deleted, that this computer's clock is right, and that the region "
            "us-east-1 is enabled for the account; then run again.",
        ),
        (
            "DescribeInstances",
            "UnauthorizedOperation",
            "AWS does not permit DescribeInstances to these credentials (UnauthorizedOperation).\n"
            "Give their user the permissions of docs/aws-policy.json (docs/aws.md, Permissions). If it has them: is "
            "the region in it yours? Then run again.",
        ),
    ],
)
def test_credentials_that_aws_refuses(desk: Desk, action: str, code: str, words: str) -> None:
    for each in {action, "DescribeInstances"}:
        desk.aws.refuse(each, code, f"You are not authorized. Encoded authorization failure message: {'x' * 900}")
    shown = desk.play("configure.yml")
    assert shown.failure == words
    assert "xxx" not in shown.text
    assert shown.text.startswith("[WARNING]: AWS did not say which machines there are: " + words.splitlines()[0])


def test_an_endpoint_that_is_down(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        desk.environment["AWS_ENDPOINT_URL"] = url
        assert desk.play("provision.yml").failure == (
            f"AWS does not answer ({url}).\nLook at the network, at class_region in group_vars/all/class.yml and, if "
            "set, at AWS_ENDPOINT_URL; then run again."
        )


def test_a_region_that_does_not_exist(desk: Desk) -> None:
    assert desk.play("provision.yml", class_region="us-esat-1").failure == (
        f"AWS has no region us-esat-1. Did you mean us-west-1 or us-east-1 or us-west-2?\nSet class_region {NEXT}"
    )


def test_a_region_that_is_not_the_class_s(desk: Desk) -> None:
    (desk.home / "class").mkdir()
    (desk.home / "class/place.json").write_text(json.dumps({"account": "123456789012", "region": "us-east-1"}))
    assert desk.play("teardown.yml", class_region="eu-west-1", class_confirm_teardown="ml101").failure == (
        "Class ml101 lives in account 123456789012, region us-east-1, but this run would act in account 123456789012, "
        "region eu-west-1.\nIts machines would not be found, and would go on costing money. Use the credentials and "
        "the "
        "class_region of before; for a class here choose another class_name in group_vars/all/class.yml."
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"class_instance_type": "t3a.larg"},
            "Region us-east-1 offers no instance type t3a.larg. The nearest are t3a.large, t3a.xlarge, t3.large.\n"
            f"Set class_instance_type {NEXT}",
        ),
        (
            {"class_instance_type": "g4dn.xlarge"},
            "2 machines (g4dn.xlarge) need 8 vCPUs in us-east-1. The account may run 0 there, and 0 run already.\n"
            "Nothing was launched. Stop other machines, set a smaller class_instance_type in group_vars/all/class.yml, "
            "or ask AWS for more, which takes days (docs/aws.md, Quota); then run again:\n"
            "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-DB2E81BA "
            "--desired-value 8 --region us-east-1",
        ),
        (
            {"class_spare_machines": 31},
            "33 machines (m6a.large) need 66 vCPUs in us-east-1. The account may run 64 there, and 0 run already.\n"
            "Nothing was launched. Stop other machines, set a smaller class_instance_type in group_vars/all/class.yml, "
            "or ask AWS for more, which takes days (docs/aws.md, Quota); then run again:\n"
            "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A "
            "--desired-value 66 --region us-east-1",
        ),
        (
            {"class_instance_type": "t4g.large"},
            "t4g.large runs arm64, but the image {ami} is for x86_64.\n"
            "Set class_instance_type, or class_image_parameter or class_image_id, in group_vars/all/class.yml; "
            "then run again.",
        ),
        (
            {"class_instance_type": ["m6a.large", "t2.large"]},
            "t2.large runs on Xen, where AWS shows the console of a machine late; its host keys are read from there.\n"
            "Set class_instance_type in group_vars/all/class.yml to types on Nitro, such as m6a.large or t3a.large; "
            "then run again.",
        ),
        (
            {"class_image_id": "ami-00000000000000000"},
            "There is no such image in us-east-1 (InvalidAMIID.NotFound): The image id '[ami-00000000000000000]' does "
            'not exist\nSet class_image_id in group_vars/all/class.yml to one of that region, or to "" for '
            "Canonical's newest Ubuntu.",
        ),
        (
            {"class_image_parameter": "/aws/service/canonical/none"},
            "AWS knows no image under class_image_parameter in us-east-1.\n"
            "Look at class_image_parameter and class_region in group_vars/all/class.yml, then run again.",
        ),
        (
            {"class_disk_gb": 9},
            "class_disk_gb is 9, but a machine needs 11 GB: the system 4, the environment 6, students' work and data "
            "at "
            "least 1; the image alone asks for 8.\n"
            "Nothing was launched. Set class_disk_gb in group_vars/all/class.yml, then run again.",
        ),
        (
            {"class_time_zone": "Berlin"},
            "There is no time zone 'Berlin'. Do you mean Europe/Berlin?\n"
            f"Nothing was launched. Set class_time_zone {NEXT}",
        ),
        (
            {"class_subnet_id": "subnet-00000000"},
            "There is no subnet subnet-00000000 in us-east-1.\n"
            'Set class_subnet_id in group_vars/all/class.yml to one of that region, or to "" for a default one; '
            "then run again.",
        ),
    ],
    ids=["type", "gpu quota", "quota", "architecture", "Xen", "image", "parameter", "disk", "time zone", "subnet"],
)
def test_what_cannot_be_launched_is_refused_before_anything_is_made(
    desk: Desk, settings: dict[str, Any], words: str
) -> None:
    assert desk.check_launch(**settings).failure == words.replace("{ami}", RELEASES[0].ami)
    assert not desk.aws.made


def test_disks_for_which_the_account_has_no_room_are_refused(desk: Desk) -> None:
    """The account may have just as much as two disks of 512 GiB take, and AWS would end what is launched beyond it."""
    desk.aws.set_quota("L-7A658B76", 1)
    try:
        assert desk.check_launch(class_disk_gb=512).code == 0
        failure = desk.check_launch(class_disk_gb=513).failure
    finally:
        desk.aws.set_quota("L-7A658B76", 50)
    assert failure == (
        "2 disks of 513 GiB are 1.00 TiB of gp3 in us-east-1. The account may have 1 there, and 0.00 are there "
        "already, also of machines that stopped.\n"
        "Nothing was launched. Remove disks that nobody needs, set a smaller class_disk_gb in "
        "group_vars/all/class.yml, or ask AWS for more, which takes days (docs/aws.md, Quota); then run again:\n"
        "aws service-quotas request-service-quota-increase --service-code ebs --quota-code L-7A658B76 "
        "--desired-value 2 --region us-east-1"
    )
    assert not desk.aws.made


def test_provision_asks_before_it_makes_anything(desk: Desk) -> None:
    assert "offers no instance type t3a.larg." in desk.play("provision.yml", class_instance_type="t3a.larg").failure
    assert not desk.aws.made


def test_a_zone_that_does_not_offer_the_type_is_avoided_or_named(desk: Desk) -> None:
    """Of us-east-1's zones, e has none of class.yml's types."""
    subnet_id = account_owner.default_subnet(desk.aws.url, "us-east-1e")
    failure = desk.check_launch(class_subnet_id=subnet_id).failure
    assert failure == (
        f"us-east-1e, the zone of {subnet_id}, offers no m6a.large and no m5.large and no t3a.large; us-east-1a, "
        "us-east-1b, us-east-1c, us-east-1d, us-east-1f do.\n"
        "Set class_subnet_id to a subnet there, or another class_instance_type, in group_vars/all/class.yml; "
        "then run again."
    )
    assert not desk.aws.made


def test_machines_that_stopped_need_their_share_of_the_quota_too(desk: Desk) -> None:
    stopped = [
        {
            "instance_id": f"i-{number}",
            "state": {"name": "stopped"},
            "instance_type": "m5.4xlarge",
            "tags": {"Name": f"ml101-{number:03}", "Students": student},
        }
        for number, student in enumerate(["ada", "grace", "emile", "marta"], 1)
    ]
    shown = desk.check_launch(machines_found={"instances": stopped}, machines_usernames=["ada", "grace", "tim"])
    assert shown.failure.startswith(
        "5 machines (m5.4xlarge, m6a.large) need 66 vCPUs in us-east-1. The account may run 64 there"
    )


def test_the_lab_refuses_what_was_not_checked(desk: Desk) -> None:
    ec2 = account_owner.ec2(desk.aws.url)
    with pytest.raises(ClientError, match="VcpuLimitExceeded"):
        ec2.run_instances(ImageId=RELEASES[0].ami, MinCount=33, MaxCount=33, InstanceType="t3a.large")
    with pytest.raises(ClientError, match=r"Unsupported.*\(us-east-1e\)"):
        ec2.run_instances(
            ImageId=RELEASES[0].ami,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3a.large",
            SubnetId=account_owner.default_subnet(desk.aws.url, "us-east-1e"),
        )


def test_what_may_not_be_asked_is_said_and_the_run_goes_on(desk: Desk) -> None:
    for action in ("GetServiceQuota", "DescribeInstanceTypeOfferings", "DescribeVolumes"):
        desk.aws.refuse(action, "AccessDeniedException")
    shown = desk.check_launch()
    assert shown.code == 0
    assert "Not checked before the launch: the vCPU quota." in " ".join(shown.text.split())
    assert "Not checked before the launch: the instance types." in " ".join(shown.text.split())
    assert "Not checked before the launch: the quota of gp3 disks." in " ".join(shown.text.split())
    assert not desk.aws.made


def test_where_no_quota_was_ever_set_aws_s_default_counts(desk: Desk) -> None:
    desk.aws.refuse("GetServiceQuota", "NoSuchResourceException")
    failure = desk.check_launch(class_spare_machines=1).failure
    assert "The account may run 5 there (AWS's default: that of the account is not known), and 0 run" in failure
    assert failure.endswith("--quota-code L-1216C47A --desired-value 6 --region us-east-1")
    assert not desk.aws.made


def test_a_launch_that_is_refused_all_the_same(desk: Desk) -> None:
    said = "You have requested more vCPU capacity than your current vCPU limit of 32 allows."
    desk.aws.refuse("RunInstances", "VcpuLimitExceeded", said)
    assert desk.play("provision.yml").failure == (
        f"The account may not run so many machines in this region (VcpuLimitExceeded): {said}\n"
        "None was launched. Ask AWS for a larger quota (docs/aws.md, Quota), or stop other machines, then run again."
    )


FREE_TIER = (
    "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run "
    "'describe-instance-types' with the filter 'free-tier-eligible=true'."
)


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        ("InvalidParameterCombination", FREE_TIER, "to m7i-flex.large, which it has."),
        pytest.param("VolumeLimitExceeded", "Too much.", "class_disk_gb", marks=pytest.mark.long),
        pytest.param("InvalidBlockDeviceMapping", "Too small.", "class_disk_gb", marks=pytest.mark.long),
        pytest.param("PendingVerification", "Wait.", "AWS is still verifying this account", marks=pytest.mark.long),
        pytest.param("Blocked", "Call us.", "AWS has blocked this account: Call us.", marks=pytest.mark.long),
        pytest.param(
            "OptInRequired", "Sign up.", "The account is not signed up for RunInstances", marks=pytest.mark.long
        ),
    ],
)
def test_what_a_fresh_account_may_be_refused_leaves_nothing(desk: Desk, code: str, said: str, words: str) -> None:
    desk.aws.refuse("RunInstances", code, said)
    assert words in desk.play("provision.yml").failure
    ec2 = account_owner.ec2(desk.aws.url)
    assert not running(ec2)
    torn_down = desk.play("teardown.yml", class_confirm_teardown="ml101")
    assert torn_down.code == 0, torn_down.text
    assert "ml101" not in [pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]]
    assert "ml101" not in [group["GroupName"] for group in ec2.describe_security_groups()["SecurityGroups"]]


def running(ec2: EC2Client) -> list[str]:
    """Return the machines that cost money."""
    machines = [each for page in ec2.describe_instances()["Reservations"] for each in page["Instances"]]
    return [each["InstanceId"] for each in machines if each["State"]["Name"] != "terminated"]
