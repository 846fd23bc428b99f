"""Limits of one request: what EC2 takes passes, one more is refused."""

from __future__ import annotations

import pytest

from lab.api_request import ApiRequest
from lab.limits import Limits


def asked(parameters: dict[str, str], service: str = "ec2") -> str:
    """Return the code of the refusal of a request, and nothing if it passes."""
    found = Limits().refusal(ApiRequest("DescribeInstances", service, "us-east-1", parameters=parameters))
    return found.code if found else ""


def many(name: str, number: int, value: str = "x") -> dict[str, str]:
    """Return a flat list."""
    return {f"{name}.{index}": value for index in range(1, number + 1)}


@pytest.mark.parametrize(
    ("most", "more", "code"),
    [
        (many("Filter.1.Value", 200), many("Filter.1.Value", 201), "FilterLimitExceeded"),
        (
            many("Filter.1.Value", 100) | many("Filter.2.Value", 100),
            many("Filter.1.Value", 100) | many("Filter.2.Value", 101),
            "FilterLimitExceeded",
        ),
        ({"Filter.1.Value.1": "x" * 255}, {"Filter.1.Value.1": "x" * 256}, "FilterLimitExceeded"),
        (many("InstanceId", 1000), many("InstanceId", 1001), "InvalidParameterValue"),
        ({"MaxResults": "5"}, {"MaxResults": "4"}, "InvalidParameterValue"),
        ({"MaxResults": "1000"}, {"MaxResults": "1001"}, "InvalidParameterValue"),
        ({"Tag.1.Key": "k" * 128}, {"Tag.1.Key": "k" * 129}, "InvalidParameterValue"),
        ({"Tag.1.Key": "k"}, {"Tag.1.Key": ""}, "InvalidParameterValue"),
        (
            {"Tag.1.Key": "k", "Tag.1.Value": "v" * 256},
            {"Tag.1.Key": "k", "Tag.1.Value": "v" * 257},
            "InvalidParameterValue",
        ),
        ({"Tag.1.Key": "awsome"}, {"Tag.1.Key": "AWS:mine"}, "InvalidParameterValue"),
        (
            {f"TagSpecification.1.Tag.{n}.Key": f"k{n}" for n in range(50)},
            {f"TagSpecification.1.Tag.{n}.Key": f"k{n}" for n in range(51)},
            "TagLimitExceeded",
        ),
    ],
)
def test_as_much_as_ec2_takes_and_no_more(most: dict[str, str], more: dict[str, str], code: str) -> None:
    assert asked(most) == ""
    assert asked(more) == code
    assert asked(more, service="sts") == ""


def test_filters_are_refused_in_ec2_s_words() -> None:
    found = Limits().refusal(ApiRequest("DescribeInstances", "ec2", parameters=many("Filter.1.Value", 201)))
    assert found is not None
    assert found.status == 400
    assert found.message == "The maximum number of filter values specified on a single call is 200"
