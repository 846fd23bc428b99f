"""The inventory plugin `auto` of Ansible, but that an AWS which does not answer is one line, not four paragraphs.

Playbooks ask AWS themselves in their first play and say there what to do.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: aws_auto
short_description: Read any inventory file that names its plugin
description:
  - Does what P(ansible.builtin.auto#inventory) does. Where AWS cannot be asked for its machines, it warns in one line
    and goes on without them; the playbooks then say why.
author: The machine_learning_aws developers (!UNKNOWN)
options: {}
"""

EXAMPLES = r"""
# ansible.cfg
# [inventory]
# enable_plugins = machine_learning.classroom.aws_auto, yaml
"""

from contextlib import suppress
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.inventory.auto import InventoryModule as Auto
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_credentials import (
    CredentialsError,
    require_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import (
    explain,
    explain_text,
)

with suppress(ImportError):  # HAS_BOTO3 says so
    from botocore.exceptions import BotoCoreError, ClientError

AWS_ERRORS: tuple[type[BotoCoreError | ClientError], ...] = (BotoCoreError, ClientError) if HAS_BOTO3 else ()
AWS_SOURCES = (".aws_ec2.yml", ".aws_ec2.yaml")


class InventoryModule(Auto):  # type: ignore[misc]  # ansible-core ships no types
    """The inventory plugin `machine_learning.classroom.aws_auto`."""

    NAME = "machine_learning.classroom.aws_auto"

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Read the file at `path`."""
        if not path.endswith(AWS_SOURCES):
            super().parse(inventory, loader, path, cache=cache)
            return
        try:
            if HAS_BOTO3:
                # It would ask for the code of an MFA device here, and each play again.
                require_credentials()
            super().parse(inventory, loader, path, cache=cache)
        except (AnsibleError, CredentialsError, *AWS_ERRORS) as error:
            why, *_ = _words(error).splitlines()
            self.display.warning(f"AWS did not say which machines there are: {why}")


def _words(error: BaseException) -> str:
    """Say in words what `error` means, or what AWS's refusal means that it was raised for."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, AWS_ERRORS):
            return explain(cause, None)
        cause = cause.__cause__ or cause.__context__
    return explain_text(str(error), None) or str(error)
