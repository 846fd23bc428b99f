"""Know which playbooks the same command runs after this one.

A command ends with the first playbook that fails. So one that has something to complain of, which need not keep the
later ones from their work, must know whether they come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.later_playbooks`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec({"playbook": {"required": True}})
        names = [Path(playbook).name for playbook in context.CLIARGS.get("args", ())]
        begun = names.index(given["playbook"]) if given["playbook"] in names else len(names)
        return result | {"changed": False, "playbooks": names[begun + 1 :]}
