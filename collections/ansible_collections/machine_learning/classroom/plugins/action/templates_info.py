"""Read and check the templates of the students' notebooks.

Inside Ansible itself, as all that asks nobody: each start of a module costs more than the rest.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import (
    NotebooksError,
    read_templates,
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.templates_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec({"source": {"type": "path", "required": True}})
        try:
            withheld = read_templates(self._loader.path_dwim(given["source"])).sentences
        except NotebooksError as error:
            withheld = [str(error)]
        return result | {"changed": False, "withheld": withheld}
