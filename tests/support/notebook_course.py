"""A course with one student, for the tests of what is given to a student's folder."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import pwd
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.machine_learning.classroom.plugins.action import notebooks as action_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import delivery, student_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import merge as merge_module
from ansible_collections.machine_learning.classroom.plugins.modules import notebooks as notebooks_module
from traitlets.log import get_logger

from tests.support.notebooks import BASE, FIXED, MORE, SOLVED, edited, set_in

ME = getpass.getuser()
# As root the student is an account of its own, as on a machine; otherwise we are the student.
STUDENT = "nobody" if os.geteuid() == 0 else ME
FIRST, SECOND = "01-first.ipynb", "week2/02-second.ipynb"
SCRIPT = "helper.py"
ONE, TWO = json.dumps(BASE, indent=1), json.dumps(edited(MORE, of=edited(FIXED)), indent=1)
MINE = json.dumps(edited(SOLVED), indent=1)
CLASH = json.dumps(edited(set_in(2, source="rows = None")), indent=1)


class Course:
    """An instructor's folder of templates and one machine with a student."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Keep everything below `tmp_path`; the module's answer is read from `capsys`."""
        self.source = tmp_path / "templates"
        self.home = tmp_path / "machine_learning_aws" / "daily_user"
        self.folder = self.home / STUDENT
        self.store = tmp_path / "lib" / "delivered"
        self.executions = 0
        self.again: list[str] = []
        self._capsys = capsys

    def template(self, path: str, text: str) -> None:
        """Put a file into the instructor's folder."""
        place = self.source / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def module(self, args: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
        """Run the module on the machine, with --diff."""
        self.executions += 1
        args = {**args, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(args), pytest.raises(SystemExit):
            notebooks_module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result

    def give(self, *students: str, check: bool = False) -> dict[str, Any]:
        """Run the action as a playbook would, its remote executions being calls of the module."""
        self.executions = 0
        course = self

        class Action(action_module.ActionModule):
            def __init__(self) -> None:
                self._task = SimpleNamespace(args=course.args(*students), async_val=0, check_mode=check)
                self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"))
                self._loader = SimpleNamespace(path_dwim=str)

            def _execute_module(self, module_args: dict[str, Any], **_: Any) -> dict[str, Any]:
                return course.module(module_args, check=check)

        result: dict[str, Any] = Action().run()
        return result

    def args(self, *students: str) -> dict[str, Any]:
        """Return what the task says."""
        return {
            "source": str(self.source),
            "students": list(students) or [STUDENT],
            "directory": str(self.home),
            "store": str(self.store),
            "owner": ME,
            "again": self.again,
            "python": sys.executable,
        }

    def text(self, path: str) -> str:
        """Return what the student reads at `path`."""
        return (self.folder / path).read_text()

    def files(self) -> set[str]:
        """Return all that is in the student's folder."""
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if not path.is_dir()}


def as_student(course: Course, path: str) -> Path:
    """Return a place in the student's folder, whose parents the student has made."""
    owner = pwd.getpwnam(STUDENT)
    place = course.folder / path
    for folder in (course.home.parent, course.home, course.folder, *reversed(place.parents)):
        if not folder.exists():
            folder.mkdir()
            if course.folder in (folder, *folder.parents):
                os.chown(folder, owner.pw_uid, owner.pw_gid)
    return place


def merge_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge in the student's process itself: another account may not enter the folder of this Python.

    Nothing waits until a file has not been written for a while, either.
    """

    def merge(base: bytes, student: bytes, template: bytes) -> dict[str, Any]:
        return merge_module.answer({"base": base.decode(), "student": student.decode(), "template": template.decode()})

    get_logger()  # which nbformat imports only when it has something against a notebook
    monkeypatch.setattr(delivery, "program_merger", lambda *_: merge)
    monkeypatch.setattr(student_files, "QUIET_S", 0.0)


def write(course: Course, path: str, text: str | bytes) -> None:
    """Save as a student does: in place."""
    place = as_student(course, path)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.chown(place, course.folder.stat().st_uid, course.folder.stat().st_gid)


def version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def visible(course: Course) -> set[str]:
    return {path for path in course.files() if not Path(path).name.startswith(".")}


def stays_so(course: Course) -> None:
    """See that another run changes and reports nothing."""
    again = course.give()
    assert (again["changed"], again["changes"], again["report"], course.executions) == (False, [], [], 1)
