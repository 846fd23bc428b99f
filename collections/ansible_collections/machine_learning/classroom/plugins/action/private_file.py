"""Keep a private file on the control node."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import is_kept, write_bytes


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.private_file`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one file."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {
                "path": {"type": "path", "required": True},
                "content": {"type": "str", "required": True},
                "only_warn": {"type": "bool", "default": False},
            }
        )
        path, content = arguments["path"], arguments["content"].encode()
        try:
            kept = is_kept(path, content)
            if not kept and not self._task.check_mode:
                write_bytes(path, content)
        except OSError as error:
            said = f"{path} cannot be kept ({error.strerror})."
            if arguments["only_warn"]:
                return result | {"changed": False, "path": path, "warnings": [said]}
            return result | {"failed": True, "msg": said}
        return result | {"changed": not kept, "path": path}
