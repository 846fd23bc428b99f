"""Remember which machines run: from that a class's cost so far is estimated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import observe
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.rest_of_term import timetable_of


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.running_hours`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a list of machines."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "instances": {"type": "list", "elements": "dict", "required": True},
                "state_dir": {"type": "path", "required": True},
                "disk_gb": {"type": "int", "required": True},
                "max_hours": {"type": "int", "required": True},
                "timetable": {"type": "raw", "default": {}},
            }
        )
        given["timetable"] = timetable_of(given["timetable"])
        state_dir, instances = given.pop("state_dir"), given.pop("instances")
        usage = observe(state_dir, instances, **given, keep=not self._task.check_mode, at=datetime.now(UTC))
        return result | {"changed": False, "machine_hours": round(usage.machine_hours, 2)}
