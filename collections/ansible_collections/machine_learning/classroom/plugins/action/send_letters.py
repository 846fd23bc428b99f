"""Send letters by community.general.mail, each with its receipt as one step.

A run that ended between the two would send the same letter again.
"""

from __future__ import annotations

import contextvars
import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import read_eml, refused_words

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = "community.general.mail"
ACCEPTED = "Mail sent successfully"
ENDING = {signal.SIGINT, signal.SIGTERM}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.send_letters`.

    In threads, because a play over letters would need hosts that stand for them, and `--limit` would leave these out.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send all that is due, however much of it is refused."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "mail": {"type": "dict", "required": True, "no_log": True},
                "letters": {"type": "list", "elements": "dict", "required": True},
                "at_once": {"type": "int", "default": 3},
                "fail_refused": {"type": "bool", "default": True},
            }
        )
        letters = given["letters"]
        if self._task.check_mode:
            refused = {}
        else:
            refused = self._send_all(given["mail"], letters, given["at_once"], task_vars or {})
        accepted = [letter["username"] for letter in letters if letter["username"] not in refused]
        result |= {"changed": bool(accepted), "changes": [f"sent the letter to {username}" for username in accepted]}
        if refused:
            result |= {"failed": given["fail_refused"], "msg": refused_words(letters, refused)}
        return result | {"accepted": [] if self._task.check_mode else accepted, "refused": refused}

    def _send_all(
        self, mail: dict[str, Any], letters: list[dict[str, Any]], at_once: int, task_vars: dict[str, Any]
    ) -> dict[str, str]:
        """Return why letters were not accepted, by username."""
        self._turn = threading.Lock()
        # On Ctrl-C, Ansible ends this task's process, which is its own and does nothing else, with one of these. The
        # threads and what they run inherit this, so letters on their way arrive, with their receipts; none begins.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        with ThreadPoolExecutor(at_once) as pool:
            # Ansible keeps the task in a context, which a thread does not inherit.
            sending = [
                pool.submit(contextvars.copy_context().run, self._send, mail, letter, task_vars) for letter in letters
            ]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        reasons = {letter["username"]: future.result() for letter, future in zip(letters, sending, strict=True)}
        return {username: reason for username, reason in reasons.items() if reason}

    def _send(self, mail: Mapping[str, Any], letter: Mapping[str, Any], task_vars: dict[str, Any]) -> str:
        """Send one letter as it was kept; return why it was not accepted, or nothing."""
        if signal.sigpending() & ENDING:
            return "the run was ended"
        try:
            message = read_eml(Path(letter["file"]).read_bytes())
            with self._turn:
                sent = self._execute_module(MODULE, module_args={**mail, **message}, task_vars=task_vars)
            if sent.get("failed") and "msg" not in sent:  # it ended without a word: the server cannot be reached
                event = getattr(sent.get("exception"), "event", None)
                why = getattr(event, "msg", "no reason")
                return f"{mail.get('host')}:{mail.get('port')} does not answer: {why}"
            if sent.get("failed") or sent.get("msg") != ACCEPTED:
                return str(sent.get("msg") or "no answer")
            receipt = {**letter["receipt"], "accepted": f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"}
            write_bytes(letter["receipt_file"], (json.dumps(receipt, indent=1) + "\n").encode())
        except Exception as error:  # noqa: BLE001 - whatever it is, the others' letters are sent
            return f"{type(error).__name__}: {error}"
        return ""

    def _low_level_execute_command(self, *args: Any, **more: Any) -> Any:
        """Let other letters begin while the module of this one runs: the rest of Ansible is not made for threads."""
        self._turn.release()
        try:
            return super()._low_level_execute_command(*args, **more)
        finally:
            self._turn.acquire()
