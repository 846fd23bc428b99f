"""Seats that are written to AWS: what it refuses is said in words, and who reads them next finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.modules import seats

from lab.lateness import LATENESS

if TYPE_CHECKING:
    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws


def test_what_aws_refuses_is_said_without_the_message_that_it_encodes(aws: Aws, modules: AwsModules) -> None:
    (machine,) = modules.launch()
    aws.refuse("CreateTags", "UnauthorizedOperation", f"Encoded authorization failure message: {'x' * 900}")
    given = [{"instance_id": machine, "state": {"name": "running"}, "tags": {"Class": "ml101"}}]
    told = modules.run(seats, class_name="ml101", usernames=["ada"], instances=given)
    assert told["msg"].startswith("AWS does not permit CreateTags to these credentials (UnauthorizedOperation).\n")
    assert "xxx" not in str(told)


def test_who_asks_next_reads_the_seats(modules: AwsModules) -> None:
    (machine,) = modules.launch()
    LATENESS.set(tags_s=4)
    given = [{"instance_id": machine, "state": {"name": "running"}, "tags": {"Class": "ml101"}}]
    modules.run(seats, class_name="ml101", usernames=["ada"], instances=given)
    (read,) = modules.ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
    tags = {tag["Key"]: tag["Value"] for tag in read["Tags"]}
    assert tags == {"Class": "ml101", "Name": "ml101-001", "Students": "ada"}
