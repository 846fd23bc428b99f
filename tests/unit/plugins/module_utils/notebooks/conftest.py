"""A course for the tests of new editions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.notebook_course import FIRST, ONE, SCRIPT, Course, merge_here


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course whose student has been given a notebook and a script."""
    merge_here(monkeypatch)
    course = Course(tmp_path, capsys)
    course.template(FIRST, ONE)
    course.template(SCRIPT, "x = 1\n")
    course.give()
    return course
