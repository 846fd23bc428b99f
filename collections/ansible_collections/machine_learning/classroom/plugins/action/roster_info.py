"""Read and check the class roster.

Inside Ansible itself, as all that begins a command and asks nobody: each start of a module costs more than the rest.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    CredentialError,
    read_credentials,
    usernames,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.roster import RosterError, read_roster


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.roster_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "path": {"type": "path", "required": True},
                "credentials": {"type": "path"},
                "changed_addresses": {"type": "dict", "default": {}},
            }
        )
        try:
            kept = usernames(read_credentials(given["credentials"] or ""), given["changed_addresses"])
            roster = read_roster(given["path"], kept)
        except (CredentialError, RosterError) as error:
            return result | {"failed": True, "msg": str(error)}
        students = [asdict(student) for student in roster.students]
        return result | {"changed": False, "students": students, "notes": roster.notes}
