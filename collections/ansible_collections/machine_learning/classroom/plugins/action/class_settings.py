"""Refuse settings of a class that are misspelt, or of another type than they have to be."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, test_loader
from ansible.utils.vars import load_extra_vars
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.class_settings import (
    HEADLINE,
    READ,
    faults,
    strangers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SHOWN = 4
# Not looked at: nobody but who sends letters needs a vault's password, or waits for where it comes from.
UNREAD = frozenset({"class_smtp_password", "class_smtp_username", "class_mail_from"})

# Ansible reads all files of filters to find one in them, as of tests. It loads this action, which every command begins
# with, before it starts a process for a task or a machine: so that happens here, once, and not in each of those.
with contextlib.suppress(KeyError):  # Ansible knows no collection yet: somebody else reads this file
    filter_loader.get("machine_learning.classroom.seated_students")
    test_loader.get("ansible.builtin.defined")


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.class_settings`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {"file": {"type": "path", "required": True}, "refuse": {"type": "bool", "default": True}}
        )
        settings, unread = self._settings(task_vars or {})
        named = [*self._named(given["file"])]
        found = faults(settings, named, unread)
        if found and given["refuse"]:
            more = [f"and {len(found) - MOST_SHOWN} more."] if len(found) > MOST_SHOWN else []
            lines = [HEADLINE, *(f"  {line}" for line in [*found[:MOST_SHOWN], *more])]
            return result | {"failed": True, "msg": "\n".join(lines)}
        own = strangers(named)
        said = [f"{name} is no setting of a class. Nothing reads it but texts of your own." for name in own]
        return result | {"changed": False, "own": own, "warnings": [*found, *said]}

    def _settings(self, variables: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """Return the value of each setting that there is, and the names of those without one: who needs it says why."""
        settings, unread = {}, set()
        for name in READ:
            if name not in variables:
                continue
            try:
                settings[name] = "" if name in UNREAD else self._templar.template(variables[name])
            except AnsibleError:
                unread.add(name)
        return settings, unread

    def _named(self, file: str) -> Iterator[str]:
        """Yield the names that somebody wrote, in the file of the settings or with `-e`."""
        if os.path.isfile(file):
            yield from self._loader.load_from_file(file) or {}
        yield from load_extra_vars(self._loader)
