"""Find out whether machines can be launched, before anything is made.

Inside Ansible itself, where boto3 is loaded already, which takes a module's process longer than AWS's answers.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import LaunchError
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.launch_check import Check, check

with suppress(ImportError):  # HAS_BOTO3 says so
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.launch_check`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        text = {"type": "str", "default": ""}
        _, given = self.validate_argument_spec(
            {
                "region": {"type": "str", "required": True},
                "launch": {"type": "int", "required": True},
                "starting": {"type": "list", "elements": "str", "default": []},
                "instance_types": {"type": "list", "elements": "str", "required": True},
                "image_id": text,
                "image_parameter": {"type": "str", "required": True},
                "subnet_id": text,
                "disk_gb": {"type": "int", "required": True},
                "environment_lock": {"type": "path", "required": True},
                "time_zone": {"type": "str", "required": True},
                "quota": {"type": "bool", "default": False},
                "only_start": {"type": "bool", "default": False},
                "baked_by": text,
                "baked_content": {"type": "dict", "default": {}},
            }
        )
        if not HAS_BOTO3:
            return result | {"failed": True, "msg": missing_package("boto3")}
        try:
            ask = Check(boto3.session.Session(region_name=given["region"]))
            chosen = check(ask, given)
        except LaunchError as error:
            return result | {"failed": True, "msg": str(error)}
        except (BotoCoreError, ClientError) as error:
            return result | {"failed": True, "msg": explain(error, given["region"])}
        return result | {"changed": False, **chosen, "warnings": ask.warnings}
