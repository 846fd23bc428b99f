"""IAM's evaluation of a policy document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.iam_policy import Policy, Verdict
from lab.shell import LabError

INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-0abc"


def policy(*statements: dict[str, Any]) -> Policy:
    """Return a policy; what a statement does not say is: allow everything."""
    said = [{"Effect": "Allow", "Action": "*", "Resource": "*"} | statement for statement in statements]
    return Policy.read(json.dumps({"Version": "2012-10-17", "Statement": said}))


def test_what_no_statement_allows_is_denied_and_a_deny_beats_every_allow() -> None:
    assert policy().judge("ec2:StopInstances", INSTANCE, {}) is Verdict.IMPLICITLY_DENIED
    both = policy({}, {"Effect": "Deny", "Action": "ec2:Stop*"})
    assert both.judge("ec2:StopInstances", INSTANCE, {}) is Verdict.EXPLICITLY_DENIED
    assert both.judge("ec2:StartInstances", INSTANCE, {}) is Verdict.ALLOWED


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": ["ec2:StopInstances"]}, True),
        ({"Action": "EC2:stopinstances"}, True),
        ({"Action": "ec2:Stop*"}, True),
        ({"Action": "ec2:StopInstance?"}, True),
        ({"Action": "ec2:StopInstance"}, False),
        ({"Action": "ec2:Stop.*"}, False),
        ({"Resource": "arn:aws:ec2:*:*:instance/*"}, True),
        ({"Resource": ["arn:aws:ec2:*:*:volume/*", INSTANCE]}, True),
        ({"Resource": INSTANCE.upper()}, False),
        ({"Resource": "arn:aws:ec2:eu-*:*:instance/*"}, False),
    ],
)
def test_actions_and_resources(statement: dict[str, Any], expected: bool) -> None:
    judged = policy(statement).judge("ec2:StopInstances", INSTANCE, {})
    assert (judged is Verdict.ALLOWED) == expected


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "*", "", True),
        ("StringLike", "*", None, False),
        ("StringLike", "ml?0*", "ml101-fall", True),
        ("StringNotLike", "ml*", "ml101", False),
        ("StringNotLike", "ml*", "web", True),
    ],
)
def test_conditions(operator: str, wanted: str | list[str], actual: str | None, expected: bool) -> None:
    statement = {"Condition": {operator: {"ec2:ResourceTag/Class": wanted}}}
    context = {} if actual is None else {"ec2:resourcetag/class": actual}
    assert (policy(statement).judge("ec2:StopInstances", INSTANCE, context) is Verdict.ALLOWED) == expected


def test_all_conditions_have_to_hold() -> None:
    statement = {"Condition": {"StringEquals": {"k:a": "1", "k:b": "2"}, "StringLike": {"k:c": "*"}}}
    context = {"k:a": "1", "k:b": "2", "k:c": "3"}
    assert policy(statement).judge("x:Y", "*", context) is Verdict.ALLOWED
    for key in context:
        fewer = {name: value for name, value in context.items() if name != key}
        assert policy(statement).judge("x:Y", "*", fewer) is Verdict.IMPLICITLY_DENIED


@pytest.mark.parametrize(
    "statement",
    [
        {"NotResource": "*"},
        {"Principal": "*"},
        {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "Class"}}},
        {"Condition": {"StringEquals": {"ec2:ResourceTag/Owner": "${aws:username}"}}},
    ],
)
def test_what_it_cannot_judge_it_refuses(statement: dict[str, Any]) -> None:
    with pytest.raises(LabError, match=r"The lab (cannot judge|knows no)"):
        policy(statement)
