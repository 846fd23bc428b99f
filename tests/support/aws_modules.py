"""Our modules that ask AWS, run in this process against an AWS without hosts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.testing import patch_module_args

from lab.image import RELEASES
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY

if TYPE_CHECKING:
    from types import ModuleType

    from mypy_boto3_ec2 import EC2Client

    from tests.support.desk import Aws

REGION = account_owner.REGION


class AwsModules:
    """Runs modules as a task does, with the keys of the user of docs/aws-policy.json."""

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Ask `aws`."""
        self.ec2: EC2Client = account_owner.ec2(aws.url, REGION)
        self._capsys = capsys
        for name, value in {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)

    def run(self, module: ModuleType, **arguments: Any) -> dict[str, Any]:
        """Run `module`; return its result, also of a failure."""
        with patch_module_args({"region": REGION, **arguments}), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result

    def launch(self, number: int = 1, **tags: str) -> list[str]:
        """Launch machines of the class ml101 with these tags; return their ids."""
        named: Any = [{"Key": key, "Value": value} for key, value in {"Class": "ml101", **tags}.items()]
        made = self.ec2.run_instances(
            ImageId=RELEASES[0].ami,
            MinCount=number,
            MaxCount=number,
            InstanceType="t3a.large",
            TagSpecifications=[{"ResourceType": "instance", "Tags": named}],
        )
        return [instance["InstanceId"] for instance in made["Instances"]]
