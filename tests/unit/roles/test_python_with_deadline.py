"""The interpreter that a launch runs in, so that nothing launches behind the run's back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tools import PROJECT

PROGRAM = PROJECT / "roles" / "machines" / "files" / "python_with_deadline.py"
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(sys.argv[1:], sys.stdin.read(), flush=True)
time.sleep(60)
"""


def run(deadline_s: int, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with `arguments` and "hello" on its input; SIGALRM is ignored where that begins."""
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        return subprocess.run(
            [str(PROGRAM), "-c", code, *arguments],
            env={**os.environ, "PYTHON": sys.executable, "DEADLINE_S": str(deadline_s)},
            input="hello",
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        signal.signal(signal.SIGALRM, before)


def test_the_program_itself_is_ended_in_time() -> None:
    begun = time.monotonic()
    ended = run(2, STUBBORN, "one", "two words")
    assert ended.returncode == -signal.SIGALRM
    assert time.monotonic() - begun < 10
    assert ended.stdout == "['one', 'two words'] hello\n"


@pytest.mark.parametrize("deadline_s", [0, 20])
def test_what_ends_before_ends_as_ever(deadline_s: int) -> None:
    ended = run(deadline_s, "print('done'); raise SystemExit(3)")
    assert (ended.returncode, ended.stdout) == (3, "done\n")
