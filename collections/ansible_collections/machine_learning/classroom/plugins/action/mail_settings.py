"""Refuse mail settings with which no letter could be sent, before anything is launched."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.settings import mistakes_words


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.mail_settings`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command. It speaks to nobody."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "host": {"type": "str", "required": True},
                "port": {"type": "str", "default": "587"},  # as it was written: the words about it name the setting
                "ca_file": {"type": "str", "default": ""},
                "username": {"type": "str", "default": ""},
                "token_command": {"type": "str", "default": "", "no_log": True},
                "sender": {"type": "str", "required": True},
                "subject": {"type": "str", "required": True},
            }
        )
        words = mistakes_words(given)
        return result | ({"failed": True, "msg": words} if words else {"changed": False})
