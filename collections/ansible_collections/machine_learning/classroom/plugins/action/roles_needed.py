"""Ask a machine, in one remote execution, which of its roles would change something.

No argument is written twice: what a job is asked with is read from the role's own task. Whatever goes wrong on the way
only means that the role is needed; it meets the same trouble and says it in its own words.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.errors import AnsibleFileNotFound
from ansible.executor.module_common import _apply_action_arg_defaults
from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.ask import JOBS
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.job_questions import NeededError, question
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.shared_templates import sharing_templar

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "machine_learning.classroom."
MOST_REASONS = 3


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.roles_needed`."""

    _requires_connection = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one machine."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "roles": {"type": "list", "elements": "str", "required": True},
                "force": {"type": "bool", "default": False},
            }
        )
        roles, began = given["roles"], time.monotonic()
        forced = {role: ["nobody was asked"] for role in roles if given["force"]}
        answers, returned = (forced, {}) if forced else self._ask(roles, task_vars or {})
        needed = [role for role in roles if answers[role]]
        return result | {
            "changed": False,
            "roles": needed,
            "reasons": {role: _few(answers[role]) for role in needed},
            "returned": returned,
            "took_s": math.ceil(time.monotonic() - began),
        }

    def _ask(self, roles: list[str], task_vars: dict[str, Any]) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """Return for each role why it is needed, nothing for one that is not; and what the jobs of those returned."""
        jobs, answers = {}, {}
        for role in roles:
            try:
                jobs[role] = self._job(role, task_vars)
            except NeededError as needed:
                answers[role] = [str(needed)]
            except Exception as error:  # noqa: BLE001 - the role meets it too; what it says could hold a secret
                answers[role] = [f"its task could not be read ({type(error).__name__})"]
        told = self._execute(roles, jobs, task_vars) if jobs else {}
        for role in jobs:
            answer = told.get("reasons", {}).get(role)
            answers[role] = answer if isinstance(answer, list) else ["the machine gave no answer"]
        return answers, told.get("returned", {})

    def _job(self, role: str, variables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Read the one task of the role that is a job; return the job, and what it is asked with."""
        name, _, entry = role.partition("/")
        root = _folder(name)
        path = str(root / "tasks" / f"{entry or 'main'}.yml")
        tasks = self._loader.load_from_file(path, unsafe=True, trusted_as_template=True)  # unsafe: no copy
        ((job, arguments),) = [(job, task[f"{OWN}{job}"]) for task in tasks for job in JOBS if f"{OWN}{job}" in task]
        seen = variables | {"role_name": name, "role_path": str(root), "ansible_search_path": [str(root)]}
        templar = sharing_templar(self._templar, seen)
        whole = _apply_action_arg_defaults(f"{OWN}{job}", self._task, templar.template(arguments), templar)
        return job, question(job, whole, self._loader.path_dwim)

    def _execute(
        self, roles: list[str], jobs: dict[str, tuple[str, dict[str, Any]]], task_vars: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return what the machine answers; nothing if it does not."""
        try:
            answer = self._execute_module(
                module_name=f"{OWN}roles_needed",
                module_args={"roles": roles, "jobs": json.dumps(jobs)},
                task_vars=task_vars,
            )
        except Exception:  # noqa: BLE001 - such as a machine that is just starting, for which the next task waits
            return {}
        return {} if answer.get("failed") or not isinstance(answer.get("reasons"), dict) else answer


def _folder(role: str) -> Path:
    for folder in constants.DEFAULT_ROLES_PATH:
        if Path(folder, role).is_dir():
            return Path(folder, role)
    raise AnsibleFileNotFound(file_name=role, paths=constants.DEFAULT_ROLES_PATH)


def _few(words: list[str]) -> list[str]:
    more = len(words) - MOST_REASONS
    return [*words[:MOST_REASONS], *([f"and {more} more"] if more > 0 else [])]
