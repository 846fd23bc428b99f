"""Send letters by community.general.mail, through a relay of this run that verifies the server and keeps the receipts.

A run that ended between the server's answer and the receipt would send the same letter again; so the relay does both in
one step.
"""

from __future__ import annotations

import contextvars
import importlib.util
import os
import secrets
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import read_eml, refused_words
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.providers import provider_of
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.relay_process import RelayProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = "community.general.mail"
NEEDED = ("aiosmtpd", "cryptography")  # by the relay
# The relay answers when the server has; it knows better for how long to wait, and hangs up if it ends.
ANSWER_S = 24 * 3600
LOOK_S = 1
# The module would write each letter, with password and link, to this computer's log: it takes no body for a secret.
UNLOGGED = {"ansible_no_target_syslog": True}
ENDING = {signal.SIGINT, signal.SIGTERM}
SILENT = "the relay on this computer ended before it said what became of the letter"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.send_letters`.

    In threads, because a play over letters would need hosts that stand for them, and `--limit` would leave these out.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send all that is due, however much of it is refused."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "server": {
                    "type": "dict",
                    "required": True,
                    "options": {
                        "host": {"type": "str", "required": True},
                        "port": {"type": "int", "default": 587},
                        "security": {"type": "str", "choices": ["starttls", "implicit"], "default": "starttls"},
                        "ca_file": {"type": "str", "default": ""},
                        "username": {"type": "str", "default": ""},
                        "password": {"type": "str", "default": "", "no_log": True},
                        "token_command": {"type": "str", "default": "", "no_log": True},
                    },
                },
                "sender": {"type": "str", "required": True},
                "letters": {"type": "list", "elements": "dict", "required": True},
                "at_once": {"type": "int", "default": 3},
                "per_minute": {"type": "float", "default": 0},
                "patience_s": {"type": "float", "default": 300},
                "fail_refused": {"type": "bool", "default": True},
            }
        )
        letters = given["letters"]
        if self._task.check_mode:
            refused = {}
        elif missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
            return result | {"failed": True, "msg": missing_package(missing[0])}
        else:
            refused = self._send_all(given, task_vars or {})
        accepted = [letter["username"] for letter in letters if letter["username"] not in refused]
        result |= {"changed": bool(accepted), "changes": [f"sent the letter to {username}" for username in accepted]}
        if refused:
            result |= {"failed": given["fail_refused"], "msg": refused_words(letters, refused)}
        return result | {"accepted": [] if self._task.check_mode else accepted, "refused": refused}

    def _send_all(self, given: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, str]:
        """Return why letters were not accepted, by username."""
        self._turn = threading.Lock()
        self._parent = os.getppid()
        self._sender, self._password = given["sender"], secrets.token_urlsafe(32)
        letters = given["letters"]
        # On Ctrl-C, Ansible ends this task's process, which is its own and does nothing else, with one of these. The
        # threads and what they run inherit this, so a letter on its way arrives, with its receipt; none begins.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        with RelayProcess(self._told(given)) as relay, ThreadPoolExecutor(given["at_once"]) as pool:
            # Ansible keeps the task in a context, which a thread does not inherit.
            sending = [
                pool.submit(contextvars.copy_context().run, self._send, relay, letter, task_vars) for letter in letters
            ]
            while wait(sending, timeout=LOOK_S).not_done:
                if self._ended():
                    relay.end()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        reasons = {letter["username"]: future.result() for letter, future in zip(letters, sending, strict=True)}
        return {username: reason for username, reason in reasons.items() if reason}

    def _told(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the relay has to know: whose letters it takes, and where it brings them."""
        server = given["server"]
        return {
            "server": server,
            "sender": parseaddr(self._sender)[1],
            "password": self._password,
            "letters": {
                letter["username"]: {
                    "recipient": letter["email"],
                    "receipt": letter["receipt"],
                    "receipt_file": letter["receipt_file"],
                }
                for letter in given["letters"]
            },
            "per_minute": given["per_minute"] or provider_of(server["host"]).per_minute,
            "patience_s": given["patience_s"],
        }

    def _ended(self) -> bool:
        """Say whether the run was ended: by Ctrl-C, or in a way that left this process behind."""
        return bool(signal.sigpending() & ENDING) or os.getppid() != self._parent

    def _send(self, relay: RelayProcess, letter: Mapping[str, Any], task_vars: dict[str, Any]) -> str:
        """Send one letter as it was kept; return why it was not accepted, or nothing."""
        if self._ended():
            return "the run was ended"
        if not relay.answers():
            return SILENT
        try:
            mail = {
                **read_eml(Path(letter["file"]).read_bytes()),
                "host": "127.0.0.1",
                "port": relay.port,
                "secure": "always",
                "username": letter["username"],
                "password": self._password,
                "sender": self._sender,
                "ehlohost": "localhost",
                "charset": "utf-8",
                "timeout": ANSWER_S,
            }
            with self._turn:
                sent = self._execute_module(MODULE, module_args=mail, task_vars=task_vars | UNLOGGED)
            refused = relay.refused(letter["username"])
            if refused is None:
                return str(sent.get("msg")) if relay.answers() else SILENT
        except Exception as error:  # noqa: BLE001 - whatever it is, the others' letters are sent
            return f"{type(error).__name__}: {error}"
        return refused

    def _low_level_execute_command(self, *args: Any, **more: Any) -> Any:
        """Let other letters begin while the module of this one runs: the rest of Ansible is not made for threads."""
        self._turn.release()
        try:
            return super()._low_level_execute_command(*args, **more)
        finally:
            self._turn.acquire()
