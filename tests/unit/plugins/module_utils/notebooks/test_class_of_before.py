"""A folder and a record of what was given, as the module of 584f89a left them: they go on, and nothing is done anew.

`cases/class-584f89a` was made by that commit: the templates, a student's folder, and the machine's store.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
from pathlib import Path

import pytest

from tests.support.notebook_course import STUDENT, Course, merge_here, stays_so
from tests.support.notebooks import edited, markdown

OLD = Path(__file__).with_name("cases") / "class-584f89a"


@pytest.fixture
def old(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Course:
    """Return the course as the commit before left it."""
    merge_here(monkeypatch)
    course = Course(tmp_path, capsys)
    shutil.copytree(OLD / "templates", course.source)
    shutil.copytree(OLD / "folder", course.folder)
    shutil.copytree(OLD / "delivered", course.store)
    for record in [*course.store.rglob("student.json")]:
        record.rename(record.with_name(f"{STUDENT}.json"))
    owner = pwd.getpwnam(STUDENT)
    for path in (course.folder, *course.folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    course.folder.chmod(0o700)
    course.home.chmod(0o711)
    for path in (course.store, *course.store.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return course


def bytes_of(course: Course) -> dict[str, bytes]:
    return {path: (course.folder / path).read_bytes() for path in sorted(course.files())}


def test_nothing_is_done_anew(old: Course) -> None:
    """Only who renamed a notebook is named, once; nothing was said of that before."""
    before, given = bytes_of(old), json.loads((old.store / f"{STUDENT}.json").read_text())
    result = old.give()
    assert not [change for change in result["changes"] if "remember" not in change]
    assert result["report"] == [
        f"{STUDENT}: deleted.ipynb is renamed.ipynb by now, as the student renamed it, and gets no more updates."
    ]
    assert bytes_of(old) == before
    assert json.loads((old.store / f"{STUDENT}.json").read_text()) == given
    stays_so(old)


def test_the_next_edition_reaches_everybody(old: Course) -> None:
    """Also the notebook that was laid beside because of a key in it, and the script that is edited by CRLF alone."""
    for name in ("merged", "untouched", "clash", "strange", "U\u0308bung"):
        path = old.source / f"{name}.ipynb"
        news = edited(lambda cells: cells.append(markdown("Third edition", "third")), of=json.loads(path.read_text()))
        if name == "clash":  # the teacher takes back what clashed
            news["cells"][2]["source"] = "rows = ...\nprint(rows)"
        path.write_text(json.dumps(news))
    old.template("crlf.py", "x = 3\n")
    own = "rows = len(table)"
    result = old.give()
    assert result["kept"] == {}
    for name in ("merged", "clash", "strange", "U\u0308bung"):
        assert own in old.text(f"{name}.ipynb")
        assert "Third edition" in old.text(f"{name}.ipynb")
    assert "Third edition" in old.text("untouched.ipynb")
    assert (old.text("crlf.py"), old.text("gone.py"), old.text("empty.ipynb")) == ("x = 3\n", "mine\n", "")
    stays_so(old)
