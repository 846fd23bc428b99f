"""Find the machines that stopped with all work at home: nobody need start them to look."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.stopped_machines import stopped_machines


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.stopped_machines`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "instances": {"type": "list", "elements": "dict", "required": True},
                "home": {"type": "path", "required": True},
                "class_name": {"type": "str", "required": True},
                "addresses": {"type": "dict", "required": True},
                "former_addresses": {"type": "dict", "default": {}},
            }
        )
        return result | {"changed": False, "collected": stopped_machines(**given)}
