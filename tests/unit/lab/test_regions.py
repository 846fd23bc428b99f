"""The account's regions: which there are, and who is answered in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lab.regions import REGIONS
from lab.shell import LabError
from tests.support import account_owner
from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = "eu-south-1"


@pytest.fixture(autouse=True)
def _new_account() -> Iterator[None]:
    """Enable nothing for tests that come later."""
    yield
    REGIONS.clear()


def told(aws: Aws, **asked: Any) -> dict[str, str]:
    """Return what DescribeRegions says: the opt-in status of each region."""
    found = account_owner.ec2(aws.url).describe_regions(**asked)["Regions"]
    return {each["RegionName"]: each["OptInStatus"] for each in found}


def test_a_new_account_may_use_the_old_regions_and_hears_of_the_others_if_it_asks(aws: Aws) -> None:
    assert set(told(aws).values()) == {"opt-in-not-required"}
    assert len(told(aws)) == 17
    every = told(aws, AllRegions=True)
    assert every[ELSEWHERE] == "not-opted-in"
    assert not [name for name in every if name.startswith(("cn-", "us-gov-"))]  # which have accounts of their own
    REGIONS.enable(ELSEWHERE)
    assert told(aws)[ELSEWHERE] == "opted-in"
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        told(aws, RegionNames=["eu-nowhere-1"])


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ec2", "describe_instances", "AuthFailure"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
    ],
)
def test_in_a_region_that_is_not_enabled_nobody_knows_the_key(aws: Aws, service: Any, call: str, code: str) -> None:
    client = account_owner.session(aws.url, ELSEWHERE).client(service, endpoint_url=aws.url)
    with pytest.raises(ClientError, match=code):
        getattr(client, call)()
    REGIONS.enable(ELSEWHERE)
    getattr(client, call)()


def test_only_what_has_to_be_enabled_can_be() -> None:
    for name in ("us-east-1", "eu-nowhere-1"):
        with pytest.raises(LabError, match=f"{name} is no region that has to be enabled. Those are: af-south-1, "):
            REGIONS.enable(name)
