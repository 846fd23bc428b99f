"""Run one command and report what it took.

Usage: python -m benchmarks.watch REPORT COMMAND …

It is a process of its own because it adopts what the command leaves behind, as ssh's masters are: these are ended, and
counted. So each command begins with cold connections, and nothing that was begun outlives it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
LONGEST_S = 1800
# A look at the memory costs time itself: after each one, so many times its length is waited.
RESTS, SHORTEST_REST_S = 20, 0.1
PATIENCE_S = 5


def descendants(pid: int) -> Iterator[int]:
    """Yield the numbers of the processes that a process has begun or adopted, and of theirs."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            numbers = children.read_text().split()
        except OSError:
            continue  # it has just ended
        for child in map(int, numbers):
            yield child
            yield from descendants(child)


def memory_of(pids: Iterator[int]) -> float:
    """Return the MB that processes hold, what they share counted once."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # it has just ended
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


class Watch(threading.Thread):
    """Remembers the most memory that this process's descendants held at one time."""

    def __init__(self) -> None:
        """Begin to look."""
        super().__init__(daemon=True)
        self.most_mb = 0.0
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Look again and again."""
        rest = SHORTEST_REST_S
        while not self._ended.wait(rest):
            began = time.monotonic()
            self.most_mb = max(self.most_mb, memory_of(descendants(os.getpid())))
            rest = max(SHORTEST_REST_S, RESTS * (time.monotonic() - began))

    def end(self) -> float:
        """Look no more; return the MB."""
        self._ended.set()
        self.join()
        return self.most_mb


def end_what_is_left() -> None:
    """End what the command has left behind: first in order, at last by force."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE_S
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                continue
        while time.monotonic() < deadline:
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.02)
            except ChildProcessError:
                return


def main() -> int:
    """Run the command; return how it ended."""
    report, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it ends the command, too
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    watch = Watch()
    try:
        ended = process.wait(LONGEST_S)
        wall = time.monotonic() - began
    finally:
        most_mb = watch.end()
        end_what_is_left()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {"wall_s": wall, "control_cpu_s": used.ru_utime + used.ru_stime, "control_mb": most_mb}
    Path(report).write_text(json.dumps(took))
    return ended


if __name__ == "__main__":
    sys.exit(main())
