"""Wait until a machine answers over ssh, and see that it has room to work.

Ansible's own wait_for_connection says of a full disk only that there was no answer, and after the whole time: a module
needs some room for itself.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import (
    explain_failure,
    retry_until,
    silence_fails,
)

# A megabyte, with tee, which says in words that the disk is full; a shell's own echo says "I/O error".
PROBE = (
    "export LC_ALL=C; probe=$(mktemp) && "
    "{ head -c 1048576 /dev/zero | tee $probe > /dev/null; rc=$?; rm -f $probe; exit $rc; }"
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.wait_for_machine`."""

    _requires_connection = True
    TRANSFERS_FILES = False

    @silence_fails
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one machine."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec({"wait_s": {"type": "int", "default": 120}})
        if self._task.check_mode:
            return result | {"skipped": True}
        answer = retry_until(lambda: self._low_level_execute_command(PROBE), self._connection, arguments["wait_s"])
        if answer["rc"] != 0:
            return result | {"failed": True, "msg": f"{explain_failure(answer)}."}
        return result
