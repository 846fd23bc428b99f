"""What a launch needs to know of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.modules import launch_check

if TYPE_CHECKING:
    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws


LAUNCH = {
    "launch": 1,
    "instance_types": ["t3a.large"],
    "image_parameter": "none",
    "disk_gb": 30,
    "environment_lock": "/absent",
    "time_zone": "Europe/Berlin",
}


def test_the_root_disk_has_the_name_that_the_image_gives_it(aws: Aws, modules: AwsModules) -> None:
    told = modules.run(launch_check, **LAUNCH, image_id=aws.add_image("/dev/xvda"))
    assert told["root_device"] == "/dev/xvda"


@pytest.mark.parametrize("launch", [0, 1])
def test_a_time_zone_that_does_not_exist_is_refused_before_aws_is_asked(
    aws: Aws, modules: AwsModules, launch: int
) -> None:
    told = modules.run(launch_check, **LAUNCH | {"time_zone": "Berlin", "launch": launch})
    assert told["msg"].startswith("There is no time zone 'Berlin'. Do you mean Europe/Berlin?\n")
    assert not aws.requests


def test_this_computer_may_know_no_time_zones(aws: Aws, modules: AwsModules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch_check, "available_timezones", set)
    told = modules.run(launch_check, **LAUNCH | {"time_zone": "Berlin"}, image_id=aws.add_image("/dev/xvda"))
    assert told["root_device"] == "/dev/xvda"


def test_the_quota_is_told_and_where_none_was_ever_set_aws_s_default(aws: Aws, modules: AwsModules) -> None:
    image_id = aws.add_image("/dev/xvda")
    quota, _storage = modules.run(launch_check, **LAUNCH, image_id=image_id)["quotas"]
    assert {name: quota[name] for name in ("code", "limit", "used", "needed", "by_default")} == {
        "code": "L-1216C47A",
        "limit": 64,
        "used": 0,
        "needed": 2,
        "by_default": False,
    }
    aws.refuse("GetServiceQuota", "NoSuchResourceException")
    quota, _storage = modules.run(launch_check, **LAUNCH, image_id=image_id)["quotas"]
    assert (quota["limit"], quota["by_default"]) == (5, True)
    told = modules.run(launch_check, **LAUNCH | {"launch": 3}, image_id=image_id)
    assert "The account may run 5 there (AWS's default: that of the account is not known), and 0 run" in told["msg"]


def test_with_nothing_to_launch_the_quota_is_looked_at_only_where_it_is_asked_for(
    aws: Aws, modules: AwsModules
) -> None:
    assert "quotas" not in modules.run(launch_check, **LAUNCH | {"launch": 0})
    assert {request.action for request in aws.requests} == {"DescribeSubnets"}
    quota, _storage = modules.run(launch_check, **LAUNCH | {"launch": 0}, quota=True)["quotas"]
    assert (quota["limit"], quota["needed"]) == (64, 0)
