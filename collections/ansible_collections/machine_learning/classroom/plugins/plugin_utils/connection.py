"""Reaching a machine that may just be starting, and telling a full disk there from other trouble; on this computer."""

from __future__ import annotations

import re
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

SECONDS_BETWEEN_ATTEMPTS = 1.0
# The second is what Python says when not even a module's own program fits.
NO_ROOM = re.compile("No space left on device|No usable temporary directory|Disk quota exceeded")
FULL = "the machine's disk is full. Make room there, also in students' ~/.local/share/Trash, then run again"


def retry_until(attempt: Callable[[], T], connection: Any, wait_s: float) -> T:
    """Return what `attempt` returns, made again while there is no connection; after `wait_s` seconds it may raise."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return attempt()
        except AnsibleConnectionFailure:
            if time.monotonic() > until:
                raise
        connection.reset()  # it may have been that of the machine before it was started anew
        time.sleep(SECONDS_BETWEEN_ATTEMPTS)


def silence_fails(run: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Let the `run` of an action fail where the machine gives no answer, so that the playbook may try it again.

    Ansible would call the machine unreachable, which no `rescue` hears of, and leave it out of all plays to come. The
    result is `silent`.
    """

    @wraps(run)
    def failing(self: Any, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            return run(self, tmp, task_vars)
        except AnsibleConnectionFailure as error:
            return {"failed": True, "silent": True, "msg": f"no answer over ssh: {str(error).strip()}"}

    return failing


class MachineJob(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """Runs the module of its name, as Ansible does by itself; but `silence_fails`."""

    @silence_fails
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one machine."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        result |= self._execute_module(task_vars=task_vars)
        return result


def explain_failure(answer: Mapping[str, Any]) -> str:
    """Say why a machine could not do what it was told: the failed result of a module, or of a command."""
    # A command of ours has a terminal, so all that it says is in stdout, and in stderr ssh's own farewell.
    said = [str(answer.get(name) or "") for name in ("msg", "module_stderr", "module_stdout", "stdout", "stderr")]
    if NO_ROOM.search("\n".join(said)):
        return FULL
    return str(answer.get("msg") or answer.get("stdout") or answer.get("stderr") or "no answer").strip()
