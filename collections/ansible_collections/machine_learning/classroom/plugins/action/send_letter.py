"""Send a letter by community.general.mail and keep its receipt, as one step.

A run that ended between the two would send the same letter again.
"""

from __future__ import annotations

import json
import signal
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes

MODULE = "community.general.mail"
ACCEPTED = "Mail sent successfully"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.send_letter`."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one letter."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {
                "mail": {"type": "dict", "required": True},
                "receipt_file": {"type": "path", "required": True},
                "receipt": {"type": "dict", "required": True},
            }
        )
        if self._task.check_mode:
            return result | {"changed": True, "accepted": False}
        # On Ctrl-C, Ansible ends this task's process, which is its own and does nothing else, with one of these.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        sent: dict[str, Any] = self._execute_module(MODULE, module_args=arguments["mail"], task_vars=task_vars)
        if sent.get("failed") and "msg" not in sent:  # it ended without a word: the server cannot be reached
            mail, event = arguments["mail"], getattr(sent.get("exception"), "event", None)
            sent["msg"] = f"{mail.get('host')}:{mail.get('port')} does not answer: {getattr(event, 'msg', 'no reason')}"
        accepted = not sent.get("failed") and sent.get("msg") == ACCEPTED
        if accepted:
            write_bytes(arguments["receipt_file"], (json.dumps(arguments["receipt"], indent=1) + "\n").encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        return result | sent | {"changed": accepted, "accepted": accepted}
