"""Processes of the lab that outlive the command that started them: one file each says which it is."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import layout
from lab.shell import LabError
from lab.state import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START_SECONDS = 30
STOP_SECONDS = 10


@dataclass(frozen=True)
class Background:
    """A process: what people call it, a word of its command line, and where its number and its log are written."""

    name: str
    word: str
    number: Path
    log: Path

    @property
    def pid(self) -> int | None:
        """Its process id on this machine, if it runs."""
        try:
            pid = int(self.number.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # The number may belong to something else by now.
        return pid if self.word.encode() in command else None

    def start(
        self, command: list[str], answers: Callable[[], object], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it and wait until it `answers`, which raises LabError until then. Raises LabError if it ends."""
        with self.log.open("a") as log:
            started = subprocess.Popen(
                command,
                cwd=layout.PROJECT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        write_private(self.number, f"{started.pid}\n")
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if started.poll() is not None:
                last = self.log.read_text().strip().splitlines()[-1:]
                raise LabError(f"The lab's {self.name} ended at once: {''.join(last)}\nIts log: {self.log}")
            with suppress(LabError):
                answers()
                return
            time.sleep(0.1)
        raise LabError(f"The lab's {self.name} does not answer after {START_SECONDS} s. Its log: {self.log}")

    def stop(self) -> bool:
        """End it, with force if need be; return whether there was one."""
        pid = self.pid
        if pid is None:
            self.number.unlink(missing_ok=True)
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + STOP_SECONDS
            while self.pid is not None and time.monotonic() < end:
                with suppress(ChildProcessError):  # ours to reap when `up` started it just now
                    os.waitpid(pid, os.WNOHANG)
                time.sleep(0.05)
            if self.pid is None:
                break
        self.number.unlink(missing_ok=True)
        return True
