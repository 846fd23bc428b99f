"""Token buckets: exact to the token, by a clock that the test moves."""

from __future__ import annotations

import pytest

from lab.api_request import ApiRequest
from lab.throttling import Throttling


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Begin anywhere."""
        self.now = 1234.5

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def passes(
    rule: Throttling, action: str, parameters: dict[str, str] | None = None, *, most: int = 2000, region: str = "here"
) -> int:
    """Return how many such requests pass at once."""
    request = ApiRequest(action, "ec2", region, parameters=parameters or {})
    for number in range(most):
        if found := rule.refusal(request):
            assert (found.code, found.status) == ("RequestLimitExceeded", 503)
            return number
    return most


@pytest.mark.parametrize(
    ("action", "parameters", "capacity", "refill"),
    [
        ("DescribeImages", {}, 100, 20),
        ("GetConsoleOutput", {}, 100, 20),
        ("DescribeInstances", {}, 50, 10),
        ("DescribeInstances", {"InstanceId.1": "i-1"}, 50, 10),
        ("DescribeInstances", {"Filter.1.Name": "tag:Class"}, 100, 20),
        ("DescribeInstances", {"MaxResults": "100"}, 100, 20),
        ("ModifyInstanceAttribute", {}, 50, 5),
        ("AuthorizeSecurityGroupIngress", {}, 50, 5),
        ("CreateTags", {}, 100, 10),
        ("RunInstances", {}, 5, 2),
        ("StartInstances", {"InstanceId.1": "i-1"}, 5, 2),
        ("StopInstances", {"InstanceId.1": "i-1"}, 50, 5),
        ("TerminateInstances", {"InstanceId.1": "i-1"}, 100, 5),
    ],
)
def test_a_bucket_empties_and_fills(action: str, parameters: dict[str, str], capacity: int, refill: int) -> None:
    clock = Clock()
    rule = Throttling(clock)
    assert passes(rule, action, parameters) == capacity
    clock.now += 1
    assert passes(rule, action, parameters) == refill
    clock.now += 3600
    assert passes(rule, action, parameters) == capacity


def test_each_action_and_region_has_a_bucket_of_its_own() -> None:
    rule = Throttling(Clock())
    assert passes(rule, "DescribeImages") == 100
    assert passes(rule, "DescribeSubnets") == 100
    assert passes(rule, "DescribeImages", region="there") == 100
    assert passes(rule, "DescribeInstances") == 50
    assert passes(rule, "DescribeInstances", {"MaxResults": "5"}) == 100


def test_instances_count_as_well() -> None:
    clock = Clock()
    rule = Throttling(clock)
    assert passes(rule, "RunInstances", {"MinCount": "1", "MaxCount": "400"}) == 2
    assert passes(rule, "RunInstances", {"MinCount": "1", "MaxCount": "200"}, most=1) == 1
    assert passes(rule, "RunInstances", most=1) == 0
    clock.now += 1
    assert passes(rule, "RunInstances", {"MaxCount": "2"}, most=2) == 1
    assert passes(rule, "StopInstances", {f"InstanceId.{n}": f"i-{n}" for n in range(300)}) == 3


def test_a_request_that_is_refused_takes_nothing() -> None:
    rule = Throttling(Clock())
    assert passes(rule, "RunInstances", {"MaxCount": "1001"}, most=10) == 0
    assert passes(rule, "RunInstances", {"MaxCount": "200"}) == 5


def test_other_services_are_not_ec2() -> None:
    rule = Throttling(Clock())
    assert all(rule.refusal(ApiRequest("GetCallerIdentity", "sts", "us-east-1")) is None for _ in range(1000))
