"""Remember of machines that stopped with all work at home that they did, so that nobody need start them to look."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
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
            }
        )
        wanted = stop_records(**given)
        new = {path: record for path, record in wanted.items() if records.read_json(path) != record}
        if not self._task.check_mode:
            for path, record in new.items():
                records.make_private(os.path.dirname(path))
                records.write_bytes(path, f"{json.dumps(record)}\n".encode())
        return result | {"changed": bool(new), "paths": sorted(new)}
