"""Keep other runs out until this one has ended, whichever way it ends.

A lock held by a task would be gone after the task, and one that names a process would be void while tasks of a run that
was killed still end. So the lock is a flock(2) whose open file travels into a socket that Ansible and every task
of this run hold, and that nobody reads: the kernel frees it when the last of them has ended.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

SECONDS_BETWEEN_ATTEMPTS = 0.5
# Made when Ansible loads this file, which it does before it starts the process for the task. Detached, so that it is
# the kernel that closes the two ends, after the process has ended, and not Python before.
_ANSIBLE = os.getpid()
# Which run this is. Not the process: each container counts its own anew, and jobs of AWX share a state folder.
_RUN = secrets.token_hex(8)
_KEPT, _INLET = (end.detach() for end in socket.socketpair())


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.run_lock`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a whole run."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {"path": {"type": "path", "required": True}, "wait_s": {"type": "int", "default": 60}}
        )
        waited = not self._task.check_mode and _lock(Path(arguments["path"]), arguments["wait_s"])
        return result | {"changed": False, "begun": time.time(), "waited": waited}


def _lock(path: Path, wait_s: int) -> bool:
    """Lock the file at `path` for this run, and say whether another one had to end first, for `wait_s` at most."""
    if os.getpid() == _ANSIBLE:
        raise AnsibleActionFail(
            "This Ansible runs tasks in a way that would not keep the lock; use that of the README."
        )
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        waited = False
        while not _try(handle):
            # Words for people, and on a line of its own which run it is: the version before had the words alone.
            written = os.pread(handle, os.fstat(handle).st_size, 0).decode(errors="replace")
            holder, _, run = written.partition("\n")
            if run == _RUN:
                return False  # by an earlier task
            if time.monotonic() >= deadline:
                raise AnsibleActionFail(
                    f"Another run is at work on this class: {holder}.\nWait until it has ended, then run this again."
                )
            if not waited:
                Display().display(f"Waiting for another run to end: {holder}")
                waited = True
            time.sleep(SECONDS_BETWEEN_ATTEMPTS)
        names = " ".join(os.path.basename(name) for name in context.CLIARGS.get("args") or ())
        os.ftruncate(handle, 0)
        words = f"{names}, begun {datetime.now(UTC):%d %b %H:%M} UTC, process {_ANSIBLE}"
        os.pwrite(handle, f"{words}\n{_RUN}".encode(), 0)
        with socket.socket(fileno=os.dup(_INLET)) as inlet:
            socket.send_fds(inlet, [b"-"], [handle])
        return waited
    finally:
        os.close(handle)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
