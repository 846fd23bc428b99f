"""Plan which machines are replaced, from `-e student=…` and from what a run before had begun."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.replacement import plan_replacement
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import (
    SelectionError,
    refuse_unknown_abandoned,
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.replacement_plan`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "student": {"type": "raw", "default": ""},
                "instances": {"type": "list", "elements": "dict", "required": True},
                "record": {"type": "path", "required": True},
                "limit": {"type": "list", "elements": "str"},
                "stopped": {"type": "dict", "default": {}},
                "known": {"type": "list", "elements": "str", "default": []},
                "abandoned": {"type": "dict", "default": {}},
            }
        )
        pending = records.read_json(given["record"])
        try:
            replacement = plan_replacement(given["student"], given["instances"], pending, given["limit"])
            refuse_unknown_abandoned(given["abandoned"], given["instances"], given["known"])
        except SelectionError as error:
            return result | {"failed": True, "msg": str(error)}
        to_start = [instance_id for instance_id in replacement.instance_ids if instance_id not in given["stopped"]]
        return result | {
            "changed": False,
            **asdict(replacement),
            "to_start": to_start,
            "record": pending | replacement.pending,
        }
