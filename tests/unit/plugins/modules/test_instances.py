"""Instances are listed as amazon.aws lists them, which is what all plugins read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.amazon.aws.plugins.modules import ec2_instance_info
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.instances import list_instances

if TYPE_CHECKING:
    from tests.support.aws_modules import AwsModules


def test_they_are_listed_as_amazon_aws_lists_them(modules: AwsModules) -> None:
    for name in ("ml101-001", "ml101-002"):
        modules.launch(Name=name, Students="ada")
    modules.launch(Class="other")
    filters = {"tag:Class": "ml101", "instance-state-name": ["pending", "running"]}
    theirs = modules.run(ec2_instance_info, filters=filters)["instances"]
    assert [each["tags"]["Name"] for each in theirs] == ["ml101-001", "ml101-002"]
    assert list_instances(modules.ec2, filters) == theirs
