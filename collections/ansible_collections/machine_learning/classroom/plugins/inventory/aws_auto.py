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

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.inventory.auto import InventoryModule as Auto
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain_text

AWS_SOURCES = (".aws_ec2.yml", ".aws_ec2.yaml")


class InventoryModule(Auto):  # type: ignore[misc]  # ansible-core ships no types
    """The inventory plugin `machine_learning.classroom.aws_auto`."""

    NAME = "machine_learning.classroom.aws_auto"

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Read the file at `path`."""
        try:
            super().parse(inventory, loader, path, cache=cache)
        except AnsibleError as error:
            if not path.endswith(AWS_SOURCES):
                raise
            why, *_ = (explain_text(str(error), None) or str(error)).splitlines()
            self.display.warning(f"AWS did not say which machines there are: {why}")
