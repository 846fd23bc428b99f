"""Refuse a timetable that machines could not keep, before anything is launched; else say what is left of the term."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import TimetableError, read


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.timetable_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command. It asks nobody."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec({"timetable": {"type": "raw", "required": True}})
        try:
            timetable = read(given["timetable"])
        except TimetableError as error:
            return result | {"failed": True, "msg": str(error)}
        if timetable is None:
            return result | {"changed": False, "stops": ""}
        left = timetable.left(datetime.now(UTC))
        return result | {"changed": False, "stops": timetable.words(), "left": left._asdict()}
