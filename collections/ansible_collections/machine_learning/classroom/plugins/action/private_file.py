"""Keep a private file on the control node.

Inside Ansible itself: for a class of forty, eighty starts of a module would cost half a minute.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.private_file`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one file."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {"path": {"type": "path", "required": True}, "content": {"type": "str", "required": True}}
        )
        path = Path(arguments["path"])
        content = arguments["content"].encode()
        kept = path.is_file() and path.read_bytes() == content and stat.S_IMODE(path.stat().st_mode) == 0o600
        if not kept and not self._task.check_mode:
            write_bytes(str(path), content)
        return result | {"changed": not kept, "path": str(path)}
