"""Name the servers that a class needs and that are silent now. It only asks, and only says."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import DatasetError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.datasets_file import read_datasets_file
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.silent_servers import (
    data_questions,
    mail_questions,
    silent,
)

_LATER = {
    "data": "Machines fetch from it themselves, in configure.yml.",
    "mail": "Letters are kept; mail.yml sends them later.",
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.silent_servers`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "datasets_file": {"type": "path", "default": ""},
                "mirror_url": {"type": "str", "default": ""},
                "smtp_host": {"type": "str", "default": ""},
                "smtp_port": {"type": "int", "default": 587},
                "smtp_security": {"type": "str", "default": "starttls", "choices": ["starttls", "implicit"]},
                "smtp_ca_file": {"type": "str", "default": ""},
            }
        )
        urls: list[str] = []
        if given["datasets_file"]:
            try:
                urls = [dataset.url for dataset in read_datasets_file(given["datasets_file"])]
            except DatasetError as error:
                return result | {"failed": True, "msg": str(error)}
        of_data = data_questions(urls, given["mirror_url"]) if given["datasets_file"] else {}
        of_mail = mail_questions(*(given[f"smtp_{name}"] for name in ("host", "port", "security", "ca_file")))
        found = silent({**of_data, **of_mail})
        warnings = [
            f"From this computer {name} is silent: {why.rstrip('.')}. {_LATER['data' if name in of_data else 'mail']}"
            for name, why in found.items()
        ]
        return result | {"changed": False, "silent": list(found), "warnings": warnings}
