"""Keep what each run of a scenario's playbooks changed, or in check mode would change, for promises.yml to compare."""

from __future__ import annotations

DOCUMENTATION = """
name: record_changes
type: notification
short_description: Keep what each run of a scenario changed
description:
  - Adds a line of JSON to C(runs.jsonl) in molecule's ephemeral directory, with C(run) (C(check) or the playbook's
    name), C(changes), and the run before it, C(after), with what that one changed or C(promised).
  - A change is one of the result's C(changes); where a module returns none, the name of its task.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.plugins.callback import CallbackBase

if TYPE_CHECKING:
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.playbook import Playbook


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    """Listens to one run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record_changes"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Start with nothing changed."""
        super().__init__()
        self._run = ""
        self._changes: list[str] = []

    def v2_playbook_on_start(self, playbook: Playbook) -> None:
        """Learn what runs."""
        self._run = "check" if context.CLIARGS["check"] else Path(playbook._file_name).stem

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Keep what a task changed; a loop was heard item by item."""
        if not result.task.loop:
            self._keep(result)

    def v2_runner_item_on_ok(self, result: CallbackTaskResult) -> None:
        """Keep what one item of a loop changed."""
        self._keep(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Add this run to those before it."""
        del stats
        path = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "runs.jsonl")
        runs = path.read_text().splitlines() if path.exists() else []
        before: dict[str, Any] = json.loads(runs[-1]) if runs else {"run": "", "changes": []}
        record = {
            "run": self._run,
            "changes": self._changes,
            "after": before["run"],
            "promised": before["changes"],
        }
        path.write_text("\n".join([*runs, json.dumps(record)]) + "\n")

    def _keep(self, result: CallbackTaskResult) -> None:
        if result.result.get("changed"):
            self._changes += result.result.get("changes") or [result.task.name]
