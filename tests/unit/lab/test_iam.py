"""IAM at the front door: what a request needs, and how it is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lab import iam
from lab.api_request import ApiRequest
from lab.iam import Check, Iam, checks, judgeable
from lab.image import RELEASES
from lab.shell import LabError
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_ec2 import EC2Client

ACCOUNT, REGION = "123456789012", iam.class_region()
ARN = f"arn:aws:ec2:{REGION}:{ACCOUNT}:"


@pytest.fixture
def owner(aws: Aws) -> EC2Client:
    """Return what the account's owner asks with."""
    return account_owner.ec2(aws.url, REGION)


@pytest.fixture
def user(aws: Aws) -> EC2Client:
    """Return what the class's keys ask with."""
    made: EC2Client = user_s(aws, REGION)
    return made


def user_s(aws: Aws, region: str, service: Any = "ec2", key: str = ACCESS_KEY) -> Any:
    """Return a client with the class's keys, or others."""
    return boto3.client(service, region, endpoint_url=aws.url, aws_access_key_id=key, aws_secret_access_key=SECRET_KEY)


def launch(ec2: EC2Client, tags: dict[str, str], **more: Any) -> str:
    """Launch a machine with these tags."""
    wanted: Any = [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}]
    order = {"ImageId": RELEASES[0].ami, "InstanceType": "t3a.small", "MinCount": 1, "MaxCount": 1, **more}
    return ec2.run_instances(**order, TagSpecifications=wanted)["Instances"][0]["InstanceId"]


@pytest.fixture
def class_s(owner: EC2Client) -> Iterator[str]:
    """Return a machine of a class."""
    made = launch(owner, {"Class": "ml101"})
    yield made
    owner.terminate_instances(InstanceIds=[made])


@pytest.fixture
def somebody_s(owner: EC2Client) -> Iterator[str]:
    """Return a machine of the account that is none of a class."""
    made = launch(owner, {"Name": "web server"})
    yield made
    owner.terminate_instances(InstanceIds=[made])


def denied(error: pytest.ExceptionInfo[ClientError], action: str, resource: str) -> bool:
    """Tell whether EC2 refused in its own words, and what it named."""
    answer = error.value.response
    words = (
        "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/instructor is not "
        f"authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} "
        "action. Encoded authorization failure message: "
    )
    code, status = answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    return (code, status) == ("UnauthorizedOperation", 403) and answer["Error"]["Message"].startswith(words)


def test_what_belongs_to_a_class_may_be_stopped_and_started(user: EC2Client, class_s: str) -> None:
    user.stop_instances(InstanceIds=[class_s])
    user.start_instances(InstanceIds=[class_s])


def test_what_does_not_is_refused_by_its_tags(user: EC2Client, somebody_s: str) -> None:
    with pytest.raises(ClientError) as refused:
        user.terminate_instances(InstanceIds=[somebody_s])
    assert denied(refused, "ec2:TerminateInstances", f"{ARN}instance/{somebody_s}")


def test_nothing_happens_where_only_some_of_the_resources_are_allowed(
    user: EC2Client, owner: EC2Client, class_s: str, somebody_s: str
) -> None:
    with pytest.raises(ClientError) as refused:
        user.stop_instances(InstanceIds=[class_s, somebody_s])
    assert denied(refused, "ec2:StopInstances", f"{ARN}instance/{somebody_s}")
    (found,) = owner.describe_instances(InstanceIds=[class_s])["Reservations"][0]["Instances"]
    assert found["State"]["Name"] == "running"


def test_an_action_that_is_not_in_the_policy_is_refused(user: EC2Client, class_s: str) -> None:
    with pytest.raises(ClientError) as refused:
        user.reboot_instances(InstanceIds=[class_s])
    assert denied(refused, "ec2:RebootInstances", f"{ARN}instance/{class_s}")
    with pytest.raises(ClientError) as refused:
        user.describe_vpcs()
    assert denied(refused, "ec2:DescribeVpcs", "*")


def test_launches_are_for_the_class_s_region_and_looking_is_for_all(
    aws: Aws, user: EC2Client, owner: EC2Client
) -> None:
    owner.terminate_instances(InstanceIds=[launch(user, {"Class": "ml101"})])
    elsewhere = user_s(aws, "eu-west-3")
    elsewhere.describe_instances()
    with pytest.raises(ClientError) as refused:
        launch(elsewhere, {"Class": "ml101"})
    assert denied(refused, "ec2:RunInstances", f"arn:aws:ec2:eu-west-3::image/{RELEASES[0].ami}")


def test_the_policy_is_that_of_the_docs_with_the_class_s_region_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / "class.yml"
    settings.write_text("class_region: ap-south-1\n")
    monkeypatch.setattr(iam, "SETTINGS", settings)
    values = {
        condition.key: condition.values
        for statement in iam.attached_policy().statements
        for condition in statement.conditions
    }
    assert values["aws:RequestedRegion"] == ("ap-south-1",)


def test_other_services_refuse_in_their_own_words(aws: Aws) -> None:
    ssm = user_s(aws, REGION, "ssm")
    assert ssm.get_parameter(Name=RELEASES[0].parameter)["Parameter"]["Value"] == RELEASES[0].ami
    with pytest.raises(ClientError, match="AccessDeniedException") as refused:
        ssm.get_parameter(Name="/someone/secret")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert f"ssm:GetParameter on resource: arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/someone/secret" in str(
        refused.value
    )
    sts = user_s(aws, REGION, "sts")
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:GetSessionToken"):
        sts.get_session_token()


def test_a_key_that_nobody_has_is_refused(aws: Aws) -> None:
    for service, call, code, status in (
        ("ec2", "describe_instances", "AuthFailure", 401),
        ("sts", "get_caller_identity", "InvalidClientTokenId", 403),
        ("ssm", "describe_parameters", "UnrecognizedClientException", 400),
    ):
        with pytest.raises(ClientError, match=code) as refused:
            getattr(user_s(aws, REGION, service, "AKIANOBODYS000000000"), call)()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def needed(action: str, service: str = "ec2", **parameters: Any) -> list[tuple[str, str]]:
    """Return action and resource of each check for a request; of `parameters`, _ is written for a dot."""
    named = {key.replace("_", "."): value for key, value in parameters.items()}
    request = ApiRequest(action, service, REGION, ACCESS_KEY, named, json=service not in ("ec2", "sts"))
    return [(each.action, each.resource) for each in checks(request)]


def test_a_launch_is_judged_for_all_that_it_uses_and_makes() -> None:
    asked = needed(
        "RunInstances",
        ImageId="ami-0123456789abcdef0",
        KeyName="ml101",
        SecurityGroupId_1="sg-0123456789abcdef0",
        SubnetId="subnet-01234567",
        TagSpecification_1_ResourceType="instance",
        TagSpecification_1_Tag_1_Key="Class",
        TagSpecification_1_Tag_1_Value="ml101",
    )
    assert asked == [
        ("ec2:RunInstances", f"arn:aws:ec2:{REGION}::image/ami-0123456789abcdef0"),
        ("ec2:RunInstances", f"{ARN}key-pair/ml101"),
        ("ec2:RunInstances", f"{ARN}security-group/sg-0123456789abcdef0"),
        ("ec2:RunInstances", f"{ARN}subnet/subnet-01234567"),
        ("ec2:RunInstances", f"{ARN}instance/*"),
        ("ec2:RunInstances", f"{ARN}network-interface/*"),
        ("ec2:RunInstances", f"{ARN}volume/*"),
        ("ec2:CreateTags", f"{ARN}instance/*"),
    ]


def test_what_other_requests_need() -> None:
    assert needed("CreateSecurityGroup", GroupName="new", VpcId="vpc-01234567") == [
        ("ec2:CreateSecurityGroup", f"{ARN}security-group/*"),
        ("ec2:CreateSecurityGroup", f"{ARN}vpc/vpc-01234567"),
    ]
    assert needed("DescribeInstances", Filter_1_Name="instance-id", Filter_1_Value_1="i-01234567") == [
        ("ec2:DescribeInstances", "*")
    ]
    assert needed("CreateSnapshot", VolumeId="vol-01234567") == [
        ("ec2:CreateSnapshot", f"{ARN}volume/vol-01234567"),
        ("ec2:CreateSnapshot", f"arn:aws:ec2:{REGION}::snapshot/*"),
    ]
    assert needed("GetServiceQuota", "servicequotas", ServiceCode="ec2", QuotaCode="L-1") == [
        ("servicequotas:GetServiceQuota", f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:ec2/L-1")
    ]
    assert needed("NoSuchThing") == [("ec2:NoSuchThing", "*")]


def test_a_request_brings_the_condition_keys_that_its_action_knows() -> None:
    parameters = {"ResourceId.1": "i-01234567", "Tag.1.Key": "Class", "Tag.1.Value": "ml101"}
    (check,) = checks(ApiRequest("CreateTags", "ec2", REGION, ACCESS_KEY, parameters))
    assert check == Check(
        "ec2:CreateTags",
        f"{ARN}instance/i-01234567",
        {"aws:requestedregion": REGION, "ec2:region": REGION, "aws:requesttag/class": "ml101"},
    )
    # DescribeInstances knows no tags, neither of the request nor of a resource.
    (check,) = checks(ApiRequest("DescribeInstances", "ec2", REGION, ACCESS_KEY, parameters))
    assert set(check.context) == {"aws:requestedregion", "ec2:region"}


def test_what_a_launch_tags_can_be_told_from_other_tagging() -> None:
    """As AWS recommends: CreateTags only while something is made."""
    allow = {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}
    tags = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"}
    made = {"Condition": {"StringEquals": {"ec2:CreateAction": "RunInstances", "aws:RequestTag/Class": "ml101"}}}
    rule = Iam("", judgeable(json.dumps({"Statement": [allow, tags | made]})))
    instance = {"TagSpecification.1.ResourceType": "instance", "TagSpecification.1.Tag.1.Key": "Class"}
    for value, code in (("ml101", None), ("web", "UnauthorizedOperation")):
        parameters = instance | {"TagSpecification.1.Tag.1.Value": value}
        refused = rule.refusal(ApiRequest("RunInstances", "ec2", REGION, ACCESS_KEY, parameters))
        assert (refused and refused.code) == code
    tag = {"ResourceId.1": "i-01234567", "Tag.1.Key": "Class", "Tag.1.Value": "ml101"}
    refused = rule.refusal(ApiRequest("CreateTags", "ec2", REGION, ACCESS_KEY, tag))
    assert refused
    assert re.search(r"ec2:CreateTags on resource: \S+:instance/i-01234567", refused.message)


def test_a_deny_is_said_to_be_one() -> None:
    statement = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
    refused = Iam("", judgeable(json.dumps({"Statement": [statement]}))).refusal(
        ApiRequest("DescribeTags", "ec2", REGION, ACCESS_KEY)
    )
    assert refused
    assert "with an explicit deny in an identity-based policy" in refused.message


def test_a_condition_key_that_the_lab_does_not_work_out_is_refused() -> None:
    condition = {"StringEquals": {"ec2:InstanceType": "t3a.large"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    with pytest.raises(LabError, match="cannot judge ec2:InstanceType"):
        judgeable(json.dumps({"Statement": [statement]}))
