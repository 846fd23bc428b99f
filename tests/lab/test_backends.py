"""The region of an account: what it holds, and what EC2 refuses there."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.lab.machines import Machines


def test_the_account_the_image_and_the_quota_are_known(
    session: boto3.Session, environment: dict[str, str], machines: Machines
) -> None:
    url = environment["AWS_ENDPOINT_URL"]
    assert session.client("sts", endpoint_url=url).get_caller_identity()["Account"] == "123456789012"
    (ami,) = machines.ec2.describe_images(ImageIds=[machines.ami])["Images"]
    assert (ami["RootDeviceName"], ami["State"], ami["OwnerId"]) == ("/dev/sda1", "available", "099720109477")
    assert ami["Name"].startswith("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04")
    quota = session.client("service-quotas", endpoint_url=url).get_service_quota(
        ServiceCode="ec2", QuotaCode="L-1216C47A"
    )
    assert quota["Quota"]["Value"] > 0


def test_ec2_refuses_what_it_refuses(machines: Machines, machine: str) -> None:
    for wrong, code in (
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"KeyName": "nobodys"}, "InvalidKeyPair.NotFound"),
        ({"InstanceType": "t3.gigantic"}, "InvalidInstanceType"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"MinCount": 40, "MaxCount": 40}, "VcpuLimitExceeded"),
        ({"MinCount": 400, "MaxCount": 400}, "InsufficientFreeAddressesInSubnet"),
    ):
        with pytest.raises(ClientError, match=code):
            machines.launch(**wrong)
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        machines.ec2.reboot_instances(InstanceIds=[stopped_twin(machines)])
    assert machines.get(machine)["State"]["Name"] == "running"


def stopped_twin(machines: Machines) -> str:
    """Return a machine that is stopped, without waiting for it to boot."""
    (made,) = machines.launch()
    machines.wait("running", made)
    machines.ec2.stop_instances(InstanceIds=[made])
    machines.wait("stopped", made)
    return made


def test_a_security_group_in_use_cannot_be_deleted(machines: Machines) -> None:
    group = machines.ec2.create_security_group(GroupName="used", Description="in use")["GroupId"]
    (made,) = machines.launch(SecurityGroupIds=[group])
    machines.wait("running", made)
    with pytest.raises(ClientError, match="DependencyViolation"):
        machines.ec2.delete_security_group(GroupId=group)
    machines.terminate(made)
    machines.ec2.delete_security_group(GroupId=group)
