"""Send what a machine needs for its front: pip only where certbot is missing."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import silence_fails
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.pip_archive import with_pip


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """The action `machine_learning.classroom.front`."""

    @silence_fails
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)

        def execute(arguments: dict[str, Any]) -> dict[str, Any]:
            done: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
            return done

        return result | with_pip(self, dict(self._task.args), execute)
