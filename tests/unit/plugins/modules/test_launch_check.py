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
