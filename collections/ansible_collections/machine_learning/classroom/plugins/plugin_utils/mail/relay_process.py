"""The relay of this run, from the side of the run: begun, asked what became of letters, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

COLLECTIONS = Path(__file__).parents[6]
MODULE = "ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.relay"
# It says what became of a letter before it answers whoever brought it, so this is for reading a line.
READING_S = 2
ENDING_S = 90


class RelayProcess:
    """The process; `port` is where it answers on the loopback, 0 if it does not.

    A process of its own, begun anew: a fork of Ansible's may not look up host names on a Mac.
    """

    def __init__(self, run: Mapping[str, Any]) -> None:
        """Begin it. What it is told, with its secrets, is neither an argument nor in its environment."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), os.environ.get("PYTHONPATH", "")])},
            start_new_session=True,  # what ends the run at a terminal does not reach it
            text=True,
        )
        self._stdin, self._stdout = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        self._refused: dict[str, str] = {}
        self._said = threading.Condition()
        self._silent = False
        with suppress(BrokenPipeError):
            self._stdin.write(json.dumps(run) + "\n")
            self._stdin.flush()
        self.port = int(json.loads(self._stdout.readline() or "{}").get("port", 0))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        """Return it; it has begun already."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """End it, and wait until it has."""
        self.end()
        try:
            self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join()
        self._stdout.close()

    def refused(self, username: str) -> str | None:
        """Return why a letter was not accepted, or nothing if it was; None if the relay has not said."""
        with self._said:
            self._said.wait_for(lambda: username in self._refused or self._silent, READING_S)
            return self._refused.get(username)

    def answers(self) -> bool:
        """Say whether it may still tell something. The process itself may be seen to end a moment later."""
        return not self._silent

    def end(self) -> None:
        """Let no more letters begin. One that the server has is accepted, with its receipt."""
        with suppress(BrokenPipeError):
            self._stdin.close()

    def _listen(self) -> None:
        for line in self._stdout:
            said = json.loads(line)
            with self._said:
                self._refused[said["username"]] = said["refused"]
                self._said.notify_all()
        with self._said:
            self._silent = True
            self._said.notify_all()
