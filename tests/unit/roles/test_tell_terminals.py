"""The program that tells terminals of the end of class, on terminals of this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from tools import PROJECT

PROGRAM = PROJECT / "roles" / "hours" / "files" / "tell_terminals.py"


def tell(*terminals: str) -> None:
    """Tell these terminals alone: those of this machine belong to others."""
    code = f"import runpy; runpy.run_path({str(PROGRAM)!r})['tell']('Save your work.', {list(terminals)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


def test_an_open_terminal_shows_the_words_on_a_line_of_their_own() -> None:
    screen, terminal = os.openpty()
    try:
        tell(os.ttyname(terminal))
        shown = os.read(screen, 1024).decode()
    finally:
        os.close(screen)
        os.close(terminal)
    assert shown.replace("\r", "") == "\n\aSave your work.\n"


@pytest.mark.timeout(60)
def test_a_terminal_that_takes_nothing_holds_nobody_up() -> None:
    screen, terminal = os.openpty()
    other_screen, other = os.openpty()
    try:
        os.set_blocking(terminal, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(terminal, b"x" * 4096)
        tell(os.ttyname(terminal), "/dev/pts/none", os.ttyname(other))
        assert b"Save your work." in os.read(other_screen, 1024)
    finally:
        for each in (screen, terminal, other_screen, other):
            os.close(each)
