"""Remember for how long a command ran, and for how many machines."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.durations import Took, remember


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.run_duration`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command that has ended well."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "state_dir": {"type": "path", "required": True},
                "command": {"type": "str", "required": True},
                "machines": {"type": "int", "required": True},
                "baked": {"type": "bool", "required": True},
                "begun": {"type": "float", "required": True},
            }
        )
        now = time.time()
        seconds = round(now - given["begun"])
        if seconds <= 0 or self._task.check_mode:  # a clock that was set back tells nothing
            return result | {"changed": False}
        run = Took(given["command"], given["machines"], given["baked"], seconds, round(now))
        try:
            remember(given["state_dir"], run)
        except OSError as error:
            unkept = f"{error.filename or given['state_dir']}: how long this took cannot be kept ({error.strerror})."
            return result | {"changed": False, "warnings": [unkept]}
        return result | {"changed": False, "seconds": seconds}
