"""The process that works as the student: what it says is not believed blindly."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import student_process

from tests.support.notebook_course import FIRST, TWO, Course


def test_what_the_students_process_says_is_not_believed_blindly(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(lines: list[bytes]) -> Callable[..., None]:
        def work(_: Any, __: Any, answer: int) -> None:
            os.write(answer, b"\n".join(lines) + b"\n")
            os._exit(0)

        return work

    course.template(FIRST, TWO)
    good = {"path": FIRST, "what": "aside", "why": "\x1b[2Jboo\nhoo", "aside": "a", "notes": [], "diff": []}
    lies = [b"{", b"[]", b'{"path": 5}', json.dumps({**good, "what": "root"}).encode()]
    lies += [json.dumps({**good, **lie}).encode() for lie in ({"notes": [5]}, {"why": None}, {"path": "../etc"})]
    monkeypatch.setattr(student_process, "_work", say(lies))
    assert "was interrupted" in course.give()["msg"]
    monkeypatch.setattr(student_process, "_work", say([json.dumps(good).encode()]))
    (sentence,) = course.give()["report"]
    assert "boo" in sentence
    assert sentence.isprintable()
