"""List the instances that meet filters.

Inside Ansible itself, as all that begins a command: amazon.aws's own module starts another Python, which loads boto3
again, and takes four times the CPU.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.instances import list_instances
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package

with suppress(ImportError):  # HAS_BOTO3 says so
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

# How often AWS is asked where it asks for patience, each time after a longer pause.
ATTEMPTS = 10


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.instances_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {"filters": {"type": "dict", "required": True}, "region": {"type": "str", "required": True}}
        )
        if not HAS_BOTO3:
            return result | {"failed": True, "msg": missing_package("boto3")}
        try:
            patience = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
            ec2 = boto3.session.Session().client("ec2", region_name=given["region"], config=patience)
            instances = list_instances(ec2, given["filters"])
        except (BotoCoreError, ClientError) as error:
            return result | {"failed": True, "msg": explain(error, given["region"])}
        return result | {"changed": False, "instances": instances}
