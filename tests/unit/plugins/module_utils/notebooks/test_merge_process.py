"""The program that merges, in another Python and in bounds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import (
    delivery,
    merge,
    merge_process,
    student_process,
)

from tests.support.notebook_course import FIRST, MINE, ONE, TWO, Course, write


def merger(python: str = sys.executable, program: str = "") -> Callable[[bytes, bytes, bytes], dict[str, Any]]:
    return merge_process.program_merger(python, program or Path(merge.__file__).read_text())


def test_the_merge_runs_in_another_python() -> None:
    answer = merger()(ONE.encode(), MINE.encode(), TWO.encode())
    assert "rows = len(table)" in answer["text"]
    assert merger()(ONE.encode(), b"\xff", TWO.encode()) == {"doubt": "it is not a notebook that can be read"}


def test_a_merge_that_fails_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubt(*args: str) -> str:
        return str(merger(*args)(b"", b"", b"")["doubt"])

    assert "No such file" in doubt("/nowhere/python")
    assert doubt(sys.executable, "import nothing") == (
        "it could not be merged (ModuleNotFoundError: No module named 'nothing')"
    )
    assert "it could not be merged" in doubt(sys.executable, "print('no JSON')")
    monkeypatch.setattr(merge_process, "MERGE_S", 0.2)
    assert doubt(sys.executable, "import time; time.sleep(9)") == "it could not be merged within 0 seconds"


def test_a_merge_cannot_take_all_the_memory(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    hungry = merger("/usr/bin/env", "")
    monkeypatch.setattr(student_process, "MEMORY", 1 << 30)

    def merge(*_: bytes) -> dict[str, Any]:
        bytearray(2 << 30)
        return hungry(b"", b"", b"")

    monkeypatch.setattr(delivery, "program_merger", lambda *_: merge)
    write(course, FIRST, MINE)
    course.template(FIRST, TWO)
    assert "was interrupted" in course.give()["msg"]
    assert course.text(FIRST) == MINE
