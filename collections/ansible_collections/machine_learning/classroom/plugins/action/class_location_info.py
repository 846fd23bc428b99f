"""Tell in which AWS account and region a class lives.

Inside Ansible itself, as all that begins a command: the inventory has loaded boto3 already, which takes a module's
process longer than AWS's answers.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_credentials import (
    CredentialsError,
    require_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.location import (
    Location,
    LocationError,
    require_region,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package

with suppress(ImportError):  # HAS_BOTO3 says so
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.class_location_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "class_name": {"type": "str", "required": True},
                "record": {"type": "path", "required": True},
                "region": {"type": "str", "required": True},
            }
        )
        if not HAS_BOTO3:
            return result | {"failed": True, "msg": missing_package("boto3")}
        try:
            location = find_location(given["region"])
            location.require_same(Path(given["record"]), given["class_name"])
        except (CredentialsError, LocationError) as error:
            return result | {"failed": True, "msg": str(error)}
        except (BotoCoreError, ClientError) as error:
            return result | {"failed": True, "msg": explain(error, given["region"])}
        description = location.description(os.environ.get("AWS_ENDPOINT_URL"))
        return result | {"changed": False, "description": description, "record": location.to_json()}


def find_location(region: str) -> Location:
    """Ask AWS who we are, and whether these credentials may look at the region's machines.

    :raises CredentialsError, LocationError: the credentials cannot be used; there is no such region.
    :raises BotoCoreError, ClientError: AWS does not answer, or refuses.
    """
    session = boto3.session.Session(region_name=region)
    known = [name for each in session.get_available_partitions() for name in session.get_available_regions("ec2", each)]
    require_region(region, known)
    require_credentials()
    account = session.client("sts").get_caller_identity()["Account"]
    session.client("ec2").describe_instances(MaxResults=5)
    return Location(account, region)
