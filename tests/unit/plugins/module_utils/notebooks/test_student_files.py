"""Files that their student saves while a new edition comes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import student_files

from tests.support.notebook_course import FIRST, MINE, ONE, SCRIPT, STUDENT, TWO, Course, visible, write
from tests.support.notebooks import NOTE, SOLVED, edited


def just_before(
    monkeypatch: pytest.MonkeyPatch, function: str, act: Callable[[int], object], *, times: int = 1
) -> None:
    """Let the student act just before a function of the folder runs, the first few times."""
    real, left = getattr(student_files, function), [times]

    def wrapped(folder: int, *args: Any, **kwargs: Any) -> Any:
        if left[0]:
            left[0] -= 1
            act(folder)
        return real(folder, *args, **kwargs)

    monkeypatch.setattr(student_files, function, wrapped)


def save(folder: int, text: str) -> None:
    """Save as Jupyter does, in place."""
    with os.fdopen(os.open(FIRST, os.O_WRONLY | os.O_TRUNC, dir_fd=folder), "w") as file:
        file.write(text)


LATER = json.dumps(edited(NOTE, of=edited(SOLVED)))


@pytest.mark.parametrize("first", [ONE, MINE])
def test_a_save_that_comes_in_between_is_merged_too(
    course: Course, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    write(course, FIRST, first)
    course.template(FIRST, TWO)
    just_before(monkeypatch, "exchange", lambda folder: save(folder, LATER))
    result = course.give()
    assert result["changes"] == [f"merged {FIRST} of {STUDENT}"]
    for text in ("Ask about this!", "rows = len(table)", "One more question"):
        assert text in course.text(FIRST)
    assert visible(course) == {FIRST, SCRIPT}
    assert not [path for path in course.files() if path.endswith((".part", ".swap"))]


def test_a_file_that_is_deleted_in_between_stays_deleted(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    course.template(FIRST, TWO)
    just_before(monkeypatch, "exchange", lambda folder: os.unlink(FIRST, dir_fd=folder))
    assert not course.give()["changed"]
    assert course.files() == {SCRIPT}


def test_a_student_who_never_stops_saving_is_left_in_peace(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, TWO)
    saved: list[str] = []

    def again(folder: int) -> None:
        saved.append(MINE + " " * len(saved))
        save(folder, saved[-1] + " ")

    with monkeypatch.context() as patch:
        just_before(patch, "exchange", again, times=99)
        result = course.give()
    assert result["report"] == [f"{STUDENT}: {FIRST} is being written just now. Run again."]
    assert (course.text(FIRST).rstrip(), result["changed"], visible(course)) == (MINE, False, {FIRST, SCRIPT})
    course.give()
    assert "One more question" in course.text(FIRST)


def test_a_save_in_the_making_is_waited_for(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student_files, "QUIET_S", 0.5)
    write(course, FIRST, MINE[:100])
    course.template(FIRST, TWO)
    (course.home / "whole").write_text(MINE)
    with subprocess.Popen(["sh", "-c", 'sleep 0.2; cat whole > "$0"', course.folder / FIRST], cwd=course.home):
        assert course.give()["changes"] == [f"merged {FIRST} of {STUDENT}"]
    assert "rows = len(table)" in course.text(FIRST)
