"""Write the letters of a class, and find out which of them are due.

One task for all of them: as a task for each machine, letters that have not changed took half of a run's templating.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import is_kept, write_bytes
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import fingerprints
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import (
    access_digest,
    eml,
    letter_due,
    letter_variables,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EVERYONE = "all"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.letters`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class. No result has what is in a letter."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "students": {"type": "list", "elements": "dict", "required": True, "no_log": True},
                "template": {"type": "path", "required": True},
                "state_dir": {"type": "path", "required": True},
                "ssh_ports": {"type": "list", "elements": "int", "required": True},
                "hours": {"type": "str", "default": ""},
                "sender": {"type": "str", "required": True},
                "subject": {"type": "str", "required": True},
                "again": {"type": "list", "elements": "str", "default": []},
            }
        )
        state, again = given["state_dir"], given["again"]
        known = fingerprints(f"{state}/known_hosts")
        write = self._writer(given["template"], task_vars or {})
        changes, due = [], []
        for student in given["students"]:
            username = student["username"]
            try:
                fingerprint = known.get(student["seat"], "")
                body = write(letter_variables(student, fingerprint, given["ssh_ports"], given["hours"]))
            except AnsibleError as error:
                words = _without_secrets(str(error), student)
                return result | {"failed": True, "msg": f"{given['template']} makes no letter to {username}: {words}"}
            text = eml(
                body, sender=given["sender"], name=student["name"], email=student["email"], subject=given["subject"]
            ).encode()
            file, receipt_file = f"{state}/letters/{username}.eml", f"{state}/receipts/{username}.json"
            if not is_kept(file, text):
                changes.append(f"wrote the letter to {username}")
                if not self._task.check_mode:
                    write_bytes(file, text)
            digest = access_digest(student, student["seat"], student["address"])
            receipt = Path(receipt_file).read_text(encoding="utf-8") if os.path.isfile(receipt_file) else ""
            if username in again or EVERYONE in again or letter_due(receipt, digest):
                facts = {name: student[name] for name in ("email", "seat", "address")} | {"digest": digest}
                letter = {"file": file, "receipt_file": receipt_file, "receipt": facts}
                due.append({"username": username, "email": student["email"], **letter})
        return result | {"changed": bool(changes), "changes": changes, "due": due}

    def _writer(self, template: str, task_vars: dict[str, Any]) -> Callable[[Mapping[str, Any]], str]:
        """Read the template once; return what renders it for one student, with all of the class's variables at hand."""
        path = self._loader.path_dwim(template)
        text = trust_as_template(self._loader.get_text_file_contents(path))
        variables = dict(task_vars)
        templar = self._templar.copy_with_new_env(searchpath=[os.path.dirname(path)], available_variables=variables)

        def write(student: Mapping[str, Any]) -> str:
            variables.update(student)
            return str(templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True}))

        return write


def _without_secrets(words: str, student: Mapping[str, Any]) -> str:
    for secret in ("password", "token", "https_link"):
        if student.get(secret):
            words = words.replace(str(student[secret]), f"({secret})")
    return words
