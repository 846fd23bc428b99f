"""Read and check the class roster.

Inside Ansible itself, as all that begins a command and asks nobody: each start of a module costs more than the rest.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster import RosterError, read_roster


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.roster_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec({"path": {"type": "path", "required": True}})
        try:
            students = read_roster(given["path"])
        except RosterError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, "students": [asdict(student) for student in students]}
