"""Bring students' work from home to a machine: whatever was collected last, or what there was at an earlier time.

Most runs bring nothing: the machine is asked first who needs what, with the same module that lays it out.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import (
    AUTOSAVED,
    AUTOSAVES,
    COLLECTED,
    Owner,
    Version,
    choose,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.restorer import SPARE_BYTES, no_room
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import (
    explain_failure,
    silence_fails,
)

LAYER = "machine_learning.classroom.work_unpack"


class Chosen(NamedTuple):
    """What a student is to get."""

    home: StudentHome
    version: Version
    elsewhere: bool
    """The work went on on another machine: what the machine has of it was left behind there."""


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.work_restore`."""

    _requires_connection = True
    TRANSFERS_FILES = False  # most runs bring nothing; with True, Ansible makes a folder there first in any case

    @silence_fails
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one machine."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "students": {"type": "list", "elements": "str", "required": True},
                "class_name": {"type": "str", "required": True},
                "addresses": {"type": "dict", "required": True},
                "former_addresses": {"type": "dict", "default": {}},
                "home": {"type": "path", "required": True},
                "source": {"type": "path", "required": True},
                "store": {"type": "path", "required": True},
                "machine": {"type": "str", "default": ""},
                "at": {"type": "str", "default": ""},
                "lock_wait_s": {"type": "int", "default": 60},
            }
        )
        reasons: dict[str, str] = {}
        lines: list[str] = []
        chosen = self._choose(given, reasons)
        beside = bool(given["at"])
        question = {"source": given["source"], "store": given["store"], "beside": beside}
        asked = [
            {"username": username, "name": has.version.name, "elsewhere": has.elsewhere}
            if (has := chosen.get(username))
            else {"username": username}
            for username in given["students"]
            if username not in reasons and (username in chosen or not beside)
        ]
        answer = self._execute_module(
            module_name=LAYER, module_args=question | {"students": asked}, task_vars=task_vars
        )
        if answer.get("failed"):
            return result | {"failed": True, "msg": f"The machine could not be asked: {explain_failure(answer)}"}
        restored: list[dict[str, str]] = []
        for told in answer["students"]:
            username = told["username"]
            if not told["wants"]:
                if beside:
                    lines.append(f"{username}: {chosen[username].version.name} is there already")
                continue
            home, version, _ = chosen[username]
            try:
                where = (
                    ""
                    if self._task.check_mode
                    else self._send(home, version, question, answer["free"], given, task_vars)
                )
            except (WorkError, HistoryError) as error:
                reasons[username] = str(error)
                continue
            restored.append({"username": username, "commit": version.commit, "where": where})
            lines.append(f"{username}: {_collected(version)} {f'is in {where}' if where else 'would be restored'}")
        lines += [f"{username}: NOT restored. {reason}" for username, reason in reasons.items()]
        return result | {
            "changed": bool(restored),
            "failed": bool(reasons),
            "restored": restored,
            "msg": "\n".join(lines) or "Nothing to restore.",
        }

    def _choose(self, given: dict[str, Any], reasons: dict[str, str]) -> dict[str, Chosen]:
        """Return which version each student who has one is to get."""
        chosen = {}
        for username in given["students"]:
            email = given["addresses"].get(username, "")
            try:
                home = StudentHome(
                    given["home"],
                    username,
                    Owner(given["class_name"], email.casefold()),
                    given["former_addresses"].get(username, []),
                )
                if not self._task.check_mode:
                    home.follow_address()
                    home.tidy(given["lock_wait_s"])
                versions = home.history.versions()
                if given["at"]:
                    versions += home.history.versions(AUTOSAVES)
                if given["at"] or any(version.kind == COLLECTED for version in versions):
                    version = choose(versions, "" if given["at"] == "now" else given["at"])
                    chosen[username] = Chosen(home, version, home.goes_on_elsewhere(given["machine"]))
            except (WorkError, HistoryError) as error:
                reasons[username] = str(error)
        return chosen

    def _send(
        self,
        home: StudentHome,
        version: Version,
        question: dict[str, Any],
        free: int,
        given: dict[str, Any],
        task_vars: dict[str, Any] | None,
    ) -> str:
        """Bring one version to the machine and return where it is; raise WorkError or HistoryError."""
        with ExitStack() as stack:
            stack.enter_context(home.locked(given["lock_wait_s"]))
            stack.callback(home.discard)
            manifest, pack, allocated = home.send(version)
            needed = allocated + SPARE_BYTES
            if free < needed:
                raise WorkError(no_room(question["source"], f"{free >> 20} MB are free, {needed >> 20} MB are needed"))
            there = ""
            if pack:
                there = self._connection._shell.join_path(self._make_tmp_path(), "pack")
                stack.callback(lambda: self._remove_tmp_path(self._connection._shell.tmpdir))
                try:
                    self._connection.put_file(pack, there)
                except AnsibleConnectionFailure:
                    raise
                except AnsibleError as error:
                    raise WorkError(f"it could not be sent to the machine: {str(error).splitlines()[0]}") from error
            if not question["beside"]:  # before the machine remembers it: it counts when both do
                home.goes_on_at(given["machine"])
            student = {"username": home.username, "name": version.name, "manifest": manifest.packed(), "pack": there}
            answer = self._execute_module(
                module_name=LAYER, module_args=question | {"students": [student]}, task_vars=task_vars
            )
        if answer.get("failed"):
            raise WorkError(f"the machine could not lay it out: {explain_failure(answer)}")
        told = answer["students"][0]
        if told["reason"]:
            raise WorkError(told["reason"])
        return str(told["where"])


def _collected(version: Version) -> str:
    how = ", as the machine had saved it," if version.kind == AUTOSAVED else ""
    return f"the work of {version.time.astimezone():%Y-%m-%d %H:%M:%S}{how}"
