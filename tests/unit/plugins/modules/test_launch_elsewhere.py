"""What EC2 launched before launches elsewhere begin; its answers are botocore's stubs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import boto3
from ansible_collections.machine_learning.classroom.plugins.modules.launch_elsewhere import Launcher
from botocore.stub import Stubber

FILTERS = [{"Name": "tag:Class", "Values": ["ml101"]}]


def test_what_ec2_launched_without_saying_so_is_counted_once_ec2_answers() -> None:
    ec2 = boto3.client("ec2", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    module: Any = SimpleNamespace(
        params={"aws_config": None, "request": {}}, region="us-east-1", client=lambda *_, **__: ec2
    )
    reservations = [{"Instances": [{"InstanceId": "i-0a"}]}, {"Instances": [{"InstanceId": "i-0b"}]}]
    with Stubber(ec2) as answers:
        answers.add_client_error("describe_instances", "RequestLimitExceeded", http_status_code=503)
        answers.add_response("describe_instances", {"Reservations": reservations}, {"Filters": FILTERS})
        assert Launcher(module).came({"tag:Class": "ml101"}, ["i-0a"]) == ["i-0b"]
        answers.assert_no_pending_responses()
