"""What a launch needs to know of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.modules import launch_check

if TYPE_CHECKING:
    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws


def test_the_root_disk_has_the_name_that_the_image_gives_it(aws: Aws, modules: AwsModules) -> None:
    told = modules.run(
        launch_check,
        launch=1,
        instance_types=["t3a.large"],
        image_id=aws.add_image("/dev/xvda"),
        image_parameter="none",
        disk_gb=30,
        environment_lock="/absent",
        time_zone="UTC",
    )
    assert told["root_device"] == "/dev/xvda"
