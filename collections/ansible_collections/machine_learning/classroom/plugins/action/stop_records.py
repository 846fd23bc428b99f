"""Remember of machines that stopped with all work at home that they did, so that nobody need start them to look."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, WorkError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.stopped_machines import stop_records


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.stop_records`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for the machines that a command has stopped."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "instances": {"type": "list", "elements": "dict", "required": True},
                "collected": {"type": "dict", "required": True},
                "home": {"type": "path", "required": True},
                "class_name": {"type": "str", "required": True},
                "addresses": {"type": "dict", "required": True},
                "former_addresses": {"type": "dict", "default": {}},
            }
        )
        new: list[str] = []
        try:
            for path, record in stop_records(**given).items():
                if records.read_json(path) == record:
                    continue
                if not self._task.check_mode:
                    records.make_private(os.path.dirname(path))
                    records.write_bytes(path, f"{json.dumps(record)}\n".encode())
                new.append(path)
        except (OSError, HistoryError, WorkError) as error:  # the machines have stopped, and their names are to go yet
            why = getattr(error, "strerror", None) or error
            result["warnings"] = [
                f"{given['home']}: which machines stopped with all work at home cannot be remembered ({why}). Nothing "
                "is lost: commands that want to know it start them to look."
            ]
        return result | {"changed": bool(new), "paths": sorted(new)}
