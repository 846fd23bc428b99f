"""Choose packages in a process of its own, but only where the lock was made for something else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import parse
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.solver import request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.conda_lock`."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module, unless it would find that there is nothing to do."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if lock := lock_that_holds(self._task.args):
            return result | {"changed": False, "changes": [], "packages": len(lock.packages) + len(lock.wheels)}
        result |= self._execute_module(task_vars=task_vars)
        return result


def lock_that_holds(given: Mapping[str, Any]) -> Lock | None:
    """Return the lock, if it is sure that no packages have to be chosen; the module says whatever is wrong."""
    lock_file = Path(str(given.get("lock_file")))
    try:
        environment = read(Path(given["environment_file"]))
        lock = parse(lock_file.read_text(), lock_file.name)
        wanted = request(environment, given["mirror_url"], given["platform"], given["if_offered"])
    except Exception:  # noqa: BLE001 - the module meets it too, in words
        return None
    silent = environment.name in ("", "conda_env") and not environment.notes
    return lock if lock.request == wanted and silent else None
