"""All regions of an account are asked at once; what one does not tell is known to be unknown."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.action.leftovers_info import ec2_clients
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers import account as account_module
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import (
    Account,
    Region,
    look,
)

from lab.iam import POLICY, judgeable
from lab.regions import DEFAULT, REGIONS, all_regions
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "us-east-1"
NOT_PERMITTED = "AWS does not permit ec2:{} to these credentials (UnauthorizedOperation)."
ALL = ("machines", "disks", "snapshots", "images", "addresses")
# So long 24 regions may take. What is counted is this process's time, of which the endpoint, which is in it, takes a
# part: a busy machine makes it no longer.
MOST_SECONDS = 10


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """Return an AWS without hosts."""
    made = Aws()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _asked(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let boto3 ask this AWS, as the user with our policy."""
    aws.start_over()
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    yield
    aws.iam.policy = None


def deny(aws: Aws, action: str, *regions: str) -> None:
    """Deny what the policy allows, as an organisation does; in these regions, or in all."""
    condition: dict[str, Any] = {"StringEquals": {"aws:RequestedRegion": [*regions]}} if regions else {}
    denied = {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition}
    statements = [*json.loads(POLICY.read_text())["Statement"], denied]
    aws.iam.policy = judgeable(json.dumps({"Statement": statements}))


def test_all_regions_that_are_enabled_are_asked_and_only_these_with_what_the_policy_permits(aws: Aws) -> None:
    REGIONS.enable("eu-south-1")
    account = look(HERE, ec2_clients())
    assert {region.name for region in account.regions} == {*DEFAULT, "eu-south-1"}
    assert "eu-south-2" in account.not_enabled
    assert account.not_looked_at() == []
    assert aws.refusals == []
    assert aws.made == set()


def test_all_pages_are_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(account_module._PAGE, "PageSize", 5)  # AWS's least, in the place of its most
    owner = account_owner.ec2(aws.url, "eu-west-1")
    made = [owner.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"] for _ in range(6)]
    region = next(each for each in look(HERE, ec2_clients()).regions if each.name == "eu-west-1")
    assert {each["VolumeId"] for each in region.disks} >= {*made}


def test_twenty_four_regions_are_looked_at_in_ten_seconds(aws: Aws) -> None:
    REGIONS.enable(*sorted({*all_regions()} - {*DEFAULT})[:7])
    began = time.process_time()
    account = look(HERE, ec2_clients())
    assert len(account.regions) == 24
    assert len(aws.requests) == 24 * 5 + 1
    assert time.process_time() - began < MOST_SECONDS


def test_a_region_that_may_not_be_looked_at_is_named_with_the_reason(aws: Aws) -> None:
    deny(aws, "ec2:*", "eu-west-3", "sa-east-1")
    account = look(HERE, ec2_clients())
    assert account.not_looked_at() == [f"eu-west-3, sa-east-1: {NOT_PERMITTED.format('DescribeInstances')}"]


def test_a_question_that_may_not_be_asked_is_named_for_all_regions(aws: Aws) -> None:
    deny(aws, "ec2:DescribeAddresses")
    (line,) = look(HERE, ec2_clients()).not_looked_at()
    assert line.startswith("addresses in ap-northeast-1, ")
    assert line.endswith(f"us-west-2: {NOT_PERMITTED.format('DescribeAddresses')}")


def test_where_nobody_says_which_regions_there_are_the_class_s_own_is_looked_at(aws: Aws) -> None:
    deny(aws, "ec2:DescribeRegions")
    account = look(HERE, ec2_clients())
    assert [region.name for region in account.regions] == [HERE]
    assert account.not_looked_at() == [f"all other regions: {NOT_PERMITTED.format('DescribeRegions')}"]


def test_a_region_that_does_not_answer_holds_up_no_other(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    made = ec2_clients()

    def client(region: str) -> Any:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9" if region == "eu-west-2" else aws.url)
        return made(region)

    account = look(HERE, client)
    (line,) = account.not_looked_at()
    assert line.startswith("eu-west-2: AWS does not answer")
    assert all(not region.refused for region in account.regions if region.name != "eu-west-2")


def test_reasons_are_told_once_with_all_that_they_concern() -> None:
    account = Account(
        [
            Region("a", refused=dict.fromkeys(ALL, "no")),
            Region("b", refused=dict.fromkeys(ALL, "no")),
            Region("c", refused={"disks": "busy", "snapshots": "busy", "images": "busy"}),
            Region("d", refused={"disks": "busy", "images": "no"}),
            Region("e"),
        ]
    )
    assert account.not_looked_at() == [
        "a, b: no",
        "disks, snapshots and images in c: busy",
        "disks in d: busy",
        "images in d: no",
    ]
