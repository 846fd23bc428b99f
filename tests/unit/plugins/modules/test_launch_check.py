"""What a launch needs to know of the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import LaunchError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils import launch_check

from tests.support.account_owner import REGION

if TYPE_CHECKING:
    from tests.support.desk import Aws


LAUNCH = {
    "launch": 1,
    "starting": [],
    "instance_types": ["t3a.large"],
    "image_id": "",
    "image_parameter": "none",
    "subnet_id": "",
    "disk_gb": 30,
    "environment_lock": "/absent",
    "time_zone": "Europe/Berlin",
    "quota": False,
    "only_start": False,
    "baked_by": "",
    "baked_content": {},
}
pytestmark = pytest.mark.usefixtures("modules")  # the keys of the user of docs/aws-policy.json


def check(**given: Any) -> dict[str, Any]:
    ask = launch_check.Check(boto3.session.Session(region_name=REGION))
    return launch_check.check(ask, LAUNCH | given)


def test_the_root_disk_has_the_name_that_the_image_gives_it(aws: Aws) -> None:
    assert check(image_id=aws.add_image("/dev/xvda"))["root_device"] == "/dev/xvda"


@pytest.mark.parametrize("launch", [0, 1])
def test_a_time_zone_that_does_not_exist_is_refused_before_aws_is_asked(aws: Aws, launch: int) -> None:
    with pytest.raises(LaunchError, match=r"^There is no time zone 'Berlin'\. Do you mean Europe/Berlin\?\n"):
        check(time_zone="Berlin", launch=launch)
    assert not aws.requests


def test_this_computer_may_know_no_time_zones(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_check, "available_timezones", set)
    assert check(time_zone="Berlin", image_id=aws.add_image("/dev/xvda"))["root_device"] == "/dev/xvda"


def test_the_quota_is_told_and_where_none_was_ever_set_aws_s_default(aws: Aws) -> None:
    image_id = aws.add_image("/dev/xvda")
    quota, _storage = check(image_id=image_id)["quotas"]
    assert {name: quota[name] for name in ("code", "limit", "used", "needed", "by_default")} == {
        "code": "L-1216C47A",
        "limit": 64,
        "used": 0,
        "needed": 2,
        "by_default": False,
    }
    aws.refuse("GetServiceQuota", "NoSuchResourceException")
    quota, _storage = check(image_id=image_id)["quotas"]
    assert (quota["limit"], quota["by_default"]) == (5, True)
    default = "The account may run 5 there (AWS's default: that of the account is not known), and 0 run"
    with pytest.raises(LaunchError, match=re.escape(default)):
        check(launch=3, image_id=image_id)


def test_with_nothing_to_launch_the_quota_is_looked_at_only_where_it_is_asked_for(aws: Aws) -> None:
    assert "quotas" not in check(launch=0)
    assert {request.action for request in aws.requests} == {"DescribeSubnets"}
    quota, _storage = check(launch=0, quota=True)["quotas"]
    assert (quota["limit"], quota["needed"]) == (64, 0)


def test_a_start_is_held_against_the_quota_and_against_nothing_that_only_a_launch_needs(aws: Aws) -> None:
    wrong = {"time_zone": "Berlin", "subnet_id": "subnet-00000000", "instance_types": ["t3a.larg"], "disk_gb": 1}
    start = {"launch": 0, "only_start": True, **wrong}
    assert check(**start) == {}
    assert not aws.requests
    (quota,) = check(**start, starting=["t3a.large"] * 32)["quotas"]
    assert (quota["limit"], quota["needed"]) == (64, 64)
    assert {request.action for request in aws.requests} == {
        "DescribeInstances",
        "DescribeInstanceTypes",
        "GetServiceQuota",
    }
    words = r"\nNothing was started\. Stop other machines, start some alone \(start\.yml -e student=ada,grace\), or"
    with pytest.raises(LaunchError, match=words):
        check(**start, starting=["t3a.large"] * 33)
