"""Send what a machine needs for its conda environment: the lock always, pip only where the client is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import silence_fails
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.pip_archive import with_pip

_MODULE = "machine_learning.classroom.conda_environment"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """One remote execution where there is nothing to do; two, and a file, on a machine that has no client yet."""

    @silence_fails
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        lock_file = Path(str(arguments.get("lock_file", "")))
        if not lock_file.is_file():
            if self._task.check_mode:  # the lock itself would just have been made
                return result | {"changed": True, "changes": [f"would install what {lock_file} will name"]}
            message = f"There is no {lock_file} on the control node. Run configure.yml, which makes it."
            return result | {"failed": True, "msg": message}
        arguments["lock"] = lock_file.read_text()
        return result | with_pip(self, arguments, lambda given: self._execute(given, task_vars))

    def _execute(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        done: dict[str, Any] = self._execute_module(module_name=_MODULE, module_args=arguments, task_vars=task_vars)
        # The lock is hundreds of lines long: nobody wants to read it in a result.
        done.pop("invocation", None)
        if done.get("failed") and "module_stdout" in done:  # it never came to an answer of its own
            why = (done.get("module_stderr") or "").strip().splitlines()[-1:] or ["no message"]
            message = (
                f"The installation ended without a result (exit status {done.get('rc')}; {why[0]}).\n"
                "-9 and 137 mean that it was killed: the machine may have too little memory, or it was stopped.\n"
                "Run again: what was cut off is repaired."
            )
            return {"failed": True, "msg": message}
        return done
