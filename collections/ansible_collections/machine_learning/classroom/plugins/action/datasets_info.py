"""Read and check the list of data sets, inside Ansible itself, as all that begins a command and asks nobody."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import DatasetError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.datasets_file import read_datasets_file


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.datasets_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec({"path": {"type": "path", "required": True}})
        try:
            datasets = read_datasets_file(given["path"])
        except DatasetError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, "datasets": [asdict(dataset) for dataset in datasets]}
