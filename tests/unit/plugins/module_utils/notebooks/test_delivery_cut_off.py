"""An update that is killed at any moment, or meets a full disk, loses nothing."""

from __future__ import annotations

import errno
import json
import mmap
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import student_files

from tests.support.notebook_course import (
    CLASH,
    FIRST,
    MINE,
    ONE,
    SCRIPT,
    SECOND,
    STUDENT,
    TWO,
    Course,
    stays_so,
    version,
    visible,
    write,
)
from tests.support.notebooks import RUN, SOLVED, edited

STEPS = ["open", "mkdir", "rename", "replace", "unlink", "fsync", "write"]
RENAMES = ["move_new", "exchange"]
NEEDS_ROOM = ["mkdir", "fsync", *RENAMES]
MOMENTS = 20
FRESH, OLD, NEW = "03-new.ipynb", "old-name.ipynb", "new-name.ipynb"
OWN = {
    FIRST: MINE,
    SECOND: json.dumps(edited(RUN, of=edited(SOLVED))),
    OLD: MINE.replace("Arrays", "Old"),
    "own.txt": "mine alone",
}


def prepare(course: Course) -> None:
    """Bring about every kind of work at once: an update, a merge, a clash, a new template, a renamed one."""
    course.template(SECOND, ONE)
    course.template(OLD, ONE.replace("Arrays", "Old"))
    course.give()
    for path, text in OWN.items():
        write(course, path, text)
    course.template(FIRST, TWO)
    course.template(SECOND, CLASH)
    course.template(SCRIPT, "x = 2\n")
    course.template(FRESH, json.dumps(edited(lambda cells: cells.clear())))
    (course.source / OLD).unlink()
    course.template(NEW, TWO.replace("Arrays", "Old"))


def contents(course: Course) -> dict[str, str]:
    return {path: course.text(path) for path in visible(course)}


def run_apart(
    course: Course, monkeypatch: pytest.MonkeyPatch, before_step: Callable[[int, str, tuple[Any, ...]], object]
) -> tuple[int, dict[str, Any]]:
    """Run the update in processes of their own, and `before_step` before each of their steps, counted together.

    Where `before_step` returns something true, all of them are killed. Returns the number of steps and the result.
    """
    shared = mmap.mmap(-1, 1 << 16)
    runner = os.fork()
    if runner == 0:
        os.setpgid(0, 0)

        def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def step(*args: Any, **kwargs: Any) -> Any:
                number = int.from_bytes(shared[:8], "little") + 1
                shared[:8] = number.to_bytes(8, "little")
                if before_step(number, name, args):
                    shared[8] = 1
                    signal.pause()
                return real(*args, **kwargs)

            return step

        for name in STEPS:
            monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
        for name in RENAMES:
            monkeypatch.setattr(student_files, name, counted(name, getattr(secure_files, name)))
        said = json.dumps(course.give()).encode()
        shared[16 : 16 + len(said)] = said
        os._exit(0)
    while os.waitpid(runner, os.WNOHANG) == (0, 0):
        if shared[8]:
            os.killpg(runner, signal.SIGKILL)
        time.sleep(0.001)
    said = shared[16:].rstrip(b"\0")
    return int.from_bytes(shared[:8], "little"), json.loads(said or b"{}")


def nothing_lost(course: Course) -> None:
    """See that all the student wrote is there, in files that are whole."""
    assert course.text(SECOND) == OWN[SECOND]
    assert course.text("own.txt") == "mine alone"
    for path in (FIRST, OLD):
        assert "rows = len(table)" in course.text(path)
        nbformat.validate(nbformat.reader.reads(course.text(path)))
    assert course.text(SCRIPT) in ("x = 1\n", "x = 2\n")
    for path in visible(course) - {*OWN, SCRIPT}:
        nbformat.validate(nbformat.reader.reads(course.text(path)))


def finished(course: Course, expected: dict[str, str]) -> None:
    """See that a run after the interrupted one brings all to the end that it would have had, and leaves no scraps."""
    assert "failed" not in course.give()
    assert contents(course) == expected
    hidden = course.files() - visible(course)
    assert hidden == {f".01-first.before-{version(MINE)}.ipynb"}
    assert course.text(hidden.pop()) == MINE
    stays_so(course)


@pytest.fixture
def expected(tmp_path: Path, capsys: pytest.CaptureFixture[str], course: Course) -> dict[str, str]:
    """What the folder looks like after an update that nothing interrupted; `course` is prepared for it, too."""
    whole = Course(tmp_path / "whole", capsys)
    whole.template(FIRST, ONE)
    whole.template(SCRIPT, "x = 1\n")
    whole.give()
    for each in (whole, course):
        prepare(each)
    whole.give()
    assert len(contents(whole)) == 8
    return contents(whole)


def moments(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return seeded moments of the update, having put a copy of the course aside for `back_to_start`."""
    subprocess.run(["cp", "-a", course.home.parent, course.store, tmp_path / "start"], check=True)
    steps, result = run_apart(course, monkeypatch, lambda *_: False)
    assert result["changed"]
    back_to_start(course, tmp_path)
    assert steps > 2 * MOMENTS
    return sorted(random.Random(5).sample(range(1, steps + 1), MOMENTS))  # noqa: S311 - dice, not secrets


def back_to_start(course: Course, tmp_path: Path) -> None:
    for folder in (course.home.parent, course.store):
        shutil.rmtree(folder)
        subprocess.run(["cp", "-a", tmp_path / "start" / folder.name, folder], check=True)


def test_killed_at_any_moment_an_update_loses_nothing(
    course: Course, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "start").mkdir()
    for moment in moments(course, tmp_path, monkeypatch):
        _, result = run_apart(course, monkeypatch, lambda number, *_, moment=moment: number == moment)
        assert result == {}
        nothing_lost(course)
        finished(course, expected)
        back_to_start(course, tmp_path)


def test_on_a_disk_that_is_full_from_any_moment_an_update_loses_nothing(
    course: Course, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "start").mkdir()
    told = 0
    for moment in moments(course, tmp_path, monkeypatch):

        def full(number: int, name: str, args: tuple[Any, ...], moment: int = moment) -> None:
            makes = name in NEEDS_ROOM or (name == "open" and args[1] & os.O_CREAT)
            if number >= moment and makes:
                raise OSError(errno.ENOSPC, "No space left on device")

        _, result = run_apart(course, monkeypatch, full)
        if result.get("failed"):
            told += 1
            assert "No space left on device. Make room on the machine's disk, then run again." in result["msg"]
            assert STUDENT in result["msg"] or str(course.store) in result["msg"]
        nothing_lost(course)
        finished(course, expected)
        back_to_start(course, tmp_path)
    assert told > MOMENTS / 2
