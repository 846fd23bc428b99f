"""Processes of the lab that outlive who started them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lab.background import Background
from lab.shell import LabError

if TYPE_CHECKING:
    from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)", "a-word"]


def process(folder: Path) -> Background:
    """Return a process that nobody started yet."""
    return Background("sleeper", "a-word", folder / "pid", folder / "log")


def test_it_is_found_again_and_ended(tmp_path: Path) -> None:
    again = process(tmp_path)

    def is_there() -> None:  # its command line can be read a moment after it began
        if again.pid is None:
            raise LabError("not yet")

    process(tmp_path).start(SLEEP, is_there)
    assert again.pid is not None
    assert again.stop()
    assert again.pid is None
    assert not again.stop()


def test_a_number_that_belongs_to_something_else_by_now_is_not_it(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("1\n")
    other = process(tmp_path)
    assert other.pid is None
    assert not other.stop()
    assert not (tmp_path / "pid").exists()


def test_one_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    def answers() -> None:
        raise LabError("not yet")

    command = [sys.executable, "-c", "raise SystemExit('no such port')", "a-word"]
    with pytest.raises(LabError, match="sleeper ended at once: no such port"):
        process(tmp_path).start(command, answers)
