"""The price list of the lab's AWS: as strict as AWS's where a question is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support import account_owner

if TYPE_CHECKING:
    from tests.support.desk import Aws

HERE = {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}


def client(aws: Aws, region: str = "us-east-1") -> Any:
    """Return the owner's client."""
    return account_owner.session(aws.url, region).client("pricing", endpoint_url=aws.url)


def test_each_entry_is_a_string_and_pages_are_cut(aws: Aws) -> None:
    pages = (
        client(aws)
        .get_paginator("get_products")
        .paginate(ServiceCode="AmazonVPC", Filters=[HERE], PaginationConfig={"PageSize": 2})
    )
    found = [page["PriceList"] for page in pages]
    assert [len(page) for page in found] == [2, 1]
    usages = [json.loads(item)["product"]["attributes"]["usagetype"] for page in found for item in page]
    assert usages == ["PublicIPv4:InUseAddress", "PublicIPv4:IdleAddress", "PublicIPv4:ContiguousBlock"]


def test_a_field_that_no_entry_has_lets_nothing_through(aws: Aws) -> None:
    odd = {"Type": "TERM_MATCH", "Field": "regioncode", "Value": "us-east-1"}
    assert client(aws).get_products(ServiceCode="AmazonVPC", Filters=[odd])["PriceList"] == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"ServiceCode": "AmazonECC"}, "Invalid ServiceCode"),
        ({"ServiceCode": "AmazonEC2", "Filters": [{**HERE, "Type": "EQUALS"}]}, "TERM_MATCH alone"),
        ({"ServiceCode": "AmazonEC2", "MaxResults": 101}, "MaxResults"),
    ],
)
def test_a_wrong_question_is_refused(aws: Aws, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words) as refused:
        client(aws).get_products(**asked)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


def test_few_regions_answer(aws: Aws) -> None:
    assert client(aws, "eu-central-1").get_products(ServiceCode="AmazonVPC", Filters=[HERE])["PriceList"]
    with pytest.raises(ClientError, match="valid region"):
        client(aws, "eu-west-1").get_products(ServiceCode="AmazonVPC")
