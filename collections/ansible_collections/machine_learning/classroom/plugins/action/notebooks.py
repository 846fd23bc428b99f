"""Send a machine the notebooks that are new to its students: first only their checksums, then the bytes it lacks."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import (
    NotebooksError,
    digests,
    read_templates,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import silence_fails

MODULE = "machine_learning.classroom.notebooks"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """The side of the control node."""

    TRANSFERS_FILES = False

    @silence_fails
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the machine what it lacks and, only if it lacks something, send that."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        if not self._task.args.get("source"):
            raise AnsibleActionFail("notebooks: say in `source` which folder the students get.")
        try:
            templates = read_templates(self._loader.path_dwim(self._task.args["source"]))
        except NotebooksError as error:
            raise AnsibleActionFail(str(error)) from error
        args = {**self._task.args, "templates": digests(templates.contents), "withheld": templates.held}
        answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        if answer.get("missing"):
            lacking = [templates.contents[path] for path in answer["missing"]]
            args["contents"] = [base64.b64encode(zlib.compress(content)).decode() for content in lacking]
            answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
        result.update(answer)
        return result
