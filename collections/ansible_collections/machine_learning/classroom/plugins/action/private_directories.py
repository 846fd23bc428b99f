"""Keep private folders on the control node.

Argument: `paths`, a folder before those in it. Each is made if it is missing, and nobody but its owner enters it. It
runs inside Ansible itself: every command begins with it, and three starts of a module would cost a second.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import make_private


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.private_directories`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for some folders."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec({"paths": {"type": "list", "elements": "path", "required": True}})
        open_or_missing = [path for path in arguments["paths"] if not _is_private(Path(path))]
        if not self._task.check_mode:
            for path in open_or_missing:
                try:
                    make_private(path)
                except OSError as error:
                    raise AnsibleActionFail(f"{path} cannot be a folder of yours alone: {error.strerror}.") from None
        return result | {"changed": bool(open_or_missing), "paths": open_or_missing}


def _is_private(path: Path) -> bool:
    return path.is_dir() and stat.S_IMODE(path.stat().st_mode) == 0o700
