"""New editions of templates reach students, and nothing that a student wrote is ever lost on the way."""

from __future__ import annotations

import errno
import hashlib
import json
import mmap
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import (
    delivery,
    merge,
    merge_process,
    student_files,
    student_process,
)

from tests.support.notebook_course import FIRST, ME, SECOND, STUDENT, Course, as_student, merge_here
from tests.unit.plugins.module_utils.notebooks.test_merge import (
    BASE,
    FIXED,
    MORE,
    NOTE,
    RUN,
    SOLVED,
    edited,
    insert,
    markdown,
    set_in,
    texts,
)
from tools import PROJECT

SCRIPT = "helper.py"
ONE, TWO = json.dumps(BASE, indent=1), json.dumps(edited(MORE, of=edited(FIXED)), indent=1)
MINE = json.dumps(edited(SOLVED), indent=1)
CLASH = json.dumps(edited(set_in(2, source="rows = None")), indent=1)


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course whose student has been given a notebook and a script."""
    merge_here(monkeypatch)
    course = Course(tmp_path, capsys)
    course.template(FIRST, ONE)
    course.template(SCRIPT, "x = 1\n")
    course.give()
    return course


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


def test_what_nobody_touched_becomes_the_new_edition(course: Course) -> None:
    kernel = json.dumps({**json.loads(TWO), "metadata": {"kernelspec": {"name": "c", "display_name": "c"}}})
    course.template(FIRST, kernel)
    course.template(SCRIPT, "x = 2\n")
    (course.folder / FIRST).chmod(0o600)
    result = course.give()
    assert course.executions == 2
    assert (course.text(FIRST), course.text(SCRIPT)) == (kernel, "x = 2\n")
    assert result["changes"] == [f"updated {FIRST} of {STUDENT}", f"updated {SCRIPT} of {STUDENT}"]
    assert result["report"] == [f"{STUDENT}: brought up to date {FIRST}, {SCRIPT}."]
    assert stat.S_IMODE((course.folder / FIRST).stat().st_mode) == 0o600
    assert (course.folder / FIRST).stat().st_uid == course.folder.stat().st_uid
    assert course.files() == {FIRST, SCRIPT}
    stays_so(course)


def test_what_root_put_into_the_folder_is_merged_and_kept_too(course: Course) -> None:
    write(course, FIRST, MINE)
    os.chown(course.folder / FIRST, os.getuid(), os.getgid())
    course.template(FIRST, TWO)
    assert course.give()["changes"] == [f"merged {FIRST} of {STUDENT}"]
    before = f".01-first.before-{version(MINE)}.ipynb"
    assert course.files() == {FIRST, SCRIPT, before}
    assert course.text(before) == MINE
    stays_so(course)


def test_what_the_student_changed_is_merged(course: Course) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, TWO)
    result = course.give()
    merged = nbformat.reads(course.text(FIRST), as_version=4)
    assert texts(merged)[1].endswith("Answer with a number.")
    assert texts(merged)[2:] == ["rows = len(table)\nprint(rows)", "The end", "One more question"]
    assert result["changes"] == [f"merged {FIRST} of {STUDENT}"]
    assert result["report"] == [f"{STUDENT}: merged with the student's own work {FIRST}."]
    before = f".01-first.before-{version(MINE)}.ipynb"
    assert course.files() == {FIRST, SCRIPT, before}
    assert course.text(before) == MINE
    stays_so(course)


def test_where_a_person_must_decide_the_students_file_stays(course: Course) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, CLASH)
    result = course.give()
    beside = f"01-first.new-{version(CLASH)}.ipynb"
    assert (course.text(FIRST), course.text(beside)) == (MINE, CLASH)
    assert result["kept"] == {STUDENT: [FIRST]}
    assert result["changes"] == [f"laid {beside} of {STUDENT} beside the student's file"]
    assert result["report"] == [
        f"{STUDENT}: {FIRST} stays as the student has it, because cell 3 was changed by the student and in the"
        f" template. The new edition lies beside it: {beside}."
    ]
    stays_so(course)
    (course.folder / beside).unlink()
    stays_so(course)


def test_after_a_clash_the_next_edition_is_merged_with_what_was_given_last(course: Course) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, CLASH)
    course.give()
    course.template(FIRST, TWO)
    course.give()
    assert texts(nbformat.reader.reads(course.text(FIRST)))[-1] == "One more question"
    assert "rows = len(table)" in course.text(FIRST)
    stays_so(course)


def test_an_edition_that_was_skipped(course: Course) -> None:
    """The student's machine was off while there was a second edition."""
    write(course, FIRST, MINE)
    second = json.dumps(edited(FIXED))
    course.template(FIRST, second)
    course.template(FIRST, TWO)
    course.give()
    assert "Answer with a number" in course.text(FIRST)
    assert "rows = len(table)" in course.text(FIRST)


def test_metadata_is_named_where_it_was_not_taken_over(course: Course) -> None:
    write(course, FIRST, MINE)
    kernel = {**json.loads(ONE), "metadata": {"kernelspec": {"name": "c", "display_name": "c"}}}
    course.template(FIRST, json.dumps(kernel))
    result = course.give()
    assert (course.text(FIRST), result["changed"]) == (MINE, False)
    assert result["report"] == [
        f"{STUDENT}: {FIRST}: its metadata `kernelspec` stays as it was, though the template changed it."
    ]
    stays_so(course)


def test_what_a_student_deleted_comes_back_only_if_it_is_forced(course: Course) -> None:
    course.template(SECOND, ONE)
    course.give()
    (course.folder / SECOND).unlink()
    (course.folder / SECOND).parent.rmdir()
    (course.folder / FIRST).unlink()
    stays_so(course)
    course.template(FIRST, TWO)
    course.template(SECOND, TWO)
    assert not course.give()["changed"]
    assert course.files() == {SCRIPT}
    course.again = [FIRST]
    assert course.give(check=True)["changes"] == [f"gave {STUDENT} {FIRST}"]
    assert course.give()["changes"] == [f"gave {STUDENT} {FIRST}"]
    assert (course.text(FIRST), course.files()) == (TWO, {FIRST, SCRIPT})
    write(course, FIRST, MINE)
    stays_so(course)
    assert course.text(FIRST) == MINE
    course.again = ["nothing.ipynb"]
    assert "There is no nothing.ipynb among the templates" in course.give()["msg"]


def rename(course: Course, text: str) -> str:
    (course.source / FIRST).unlink()
    course.template("01-intro.ipynb", text)
    return "01-intro.ipynb"


def test_a_renamed_template_brings_the_edits_along(course: Course) -> None:
    write(course, FIRST, MINE)
    new = rename(course, TWO)
    result = course.give()
    assert course.text(FIRST) == MINE
    assert "rows = len(table)" in course.text(new)
    assert "One more question" in course.text(new)
    assert result["report"] == [
        f"{STUDENT}: {new} is {FIRST} under a new name, with the student's edits. {FIRST} stays, too."
    ]
    stays_so(course)
    course.template(new, json.dumps(edited(set_in(3, source="The very end"), of=json.loads(TWO))))
    course.give()
    assert "The very end" in course.text(new)
    assert "rows = len(table)" in course.text(new)


def test_a_renamed_template_that_cannot_be_merged_is_told(course: Course) -> None:
    write(course, FIRST, MINE)
    new = rename(course, CLASH)
    result = course.give()
    assert (course.text(FIRST), course.text(new)) == (MINE, CLASH)
    assert result["report"] == [
        f"{STUDENT}: {new} is {FIRST} under a new name; the edits stay in {FIRST}, because cell 3 was changed by the"
        " student and in the template."
    ]
    stays_so(course)


def test_a_renamed_template_that_nobody_touched(course: Course) -> None:
    new = rename(course, TWO)
    result = course.give()
    assert (course.text(FIRST), course.text(new), result["report"]) == (ONE, TWO, [])
    stays_so(course)


def test_an_edited_file_that_is_no_longer_a_template_is_told_once(course: Course) -> None:
    write(course, SCRIPT, "mine\n")
    (course.source / SCRIPT).unlink()
    (course.source / FIRST).unlink()
    course.template("02.ipynb", json.dumps(edited(lambda cells: cells.clear())))
    result = course.give()
    assert result["report"] == [
        f"{STUDENT}: {SCRIPT} is no longer among the templates. The student's edited file stays, and gets no more"
        " updates."
    ]
    assert (course.text(SCRIPT), course.text(FIRST)) == ("mine\n", ONE)
    stays_so(course)
    course.template(SCRIPT, "x = 3\n")
    assert course.give()["kept"] == {STUDENT: [SCRIPT]}


def test_other_files_are_weighed_as_a_whole(course: Course) -> None:
    write(course, SCRIPT, "mine\n")
    course.template(SCRIPT, "x = 2\n")
    result = course.give()
    assert (course.text(SCRIPT), course.text(f"helper.new-{version('x = 2' + chr(10))}.py")) == ("mine\n", "x = 2\n")
    assert "because the student changed it" in result["report"][0]
    write(course, SCRIPT, "x = 3\n")
    course.template(SCRIPT, "x = 3\n")
    assert not course.give()["changed"]
    course.template(SCRIPT, "x = 4\n")
    course.give()
    assert course.text(SCRIPT) == "x = 4\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is empty"),
        (b'{"cells": [', "it is not a notebook that can be read"),
        (b"[" * 50_000, "it is not a notebook that can be read"),
        (MINE.replace('"code"', '"code\\u001b[2J"').encode(), "it is not a valid notebook"),
        (MINE.replace('"metadata": {},', '"metadata": 5,').encode(), "it is not a notebook that can be read"),
    ],
)
def test_a_broken_notebook_stays_as_it_is(course: Course, text: bytes, reason: str) -> None:
    write(course, FIRST, text)
    course.template(FIRST, TWO)
    result = course.give()
    assert (course.folder / FIRST).read_bytes() == text
    assert course.text(f"01-first.new-{version(TWO)}.ipynb") == TWO
    assert reason in result["report"][0]
    stays_so(course)


def test_a_file_too_large_to_weigh_stays_as_it_is(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student_files, "COMPARED", 1 << 20)
    write(course, FIRST, MINE + " " * (1 << 20))
    course.template(FIRST, TWO)
    assert "because it is larger than 1 MB" in course.give()["report"][0]
    assert len(course.text(FIRST)) > 1 << 20


def test_what_was_given_is_not_known_any_more(course: Course) -> None:
    for kept in (course.store / "objects").iterdir():
        kept.unlink()
    write(course, FIRST, MINE)
    course.template(FIRST, TWO)
    course.template(SCRIPT, "x = 2\n")
    result = course.give()
    assert "because what was given before is not known on this machine" in result["report"][1]
    assert (course.text(FIRST), course.text(SCRIPT)) == (MINE, "x = 2\n")


@pytest.mark.parametrize("trap", ["link", "link to folder", "folder", "pipe", "unreadable"])
def test_a_trap_in_the_place_of_a_given_file_stays(course: Course, tmp_path: Path, trap: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "root.txt").write_text("root's")
    place = course.folder / FIRST
    place.unlink()
    if trap == "link":
        place.symlink_to(outside / "root.txt")
    elif trap == "link to folder":
        place.symlink_to(outside)
    elif trap == "folder":
        place.mkdir()
    elif trap == "pipe":
        os.mkfifo(place)
    else:
        write(course, FIRST, MINE)
        place.chmod(0)
    before = place.lstat()
    course.template(FIRST, TWO)
    assert course.give()["kept"] == {STUDENT: [FIRST]}
    after = place.lstat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"root.txt": "root's"}
    assert course.text(f"01-first.new-{version(TWO)}.ipynb") == TWO
    stays_so(course)


def test_a_name_that_is_taken_is_not_taken_over(course: Course) -> None:
    beside = f"01-first.new-{version(CLASH)}.ipynb"
    write(course, FIRST, MINE)
    write(course, beside, "also mine")
    course.template(FIRST, CLASH)
    result = course.give()
    assert (course.text(FIRST), course.text(beside), result["changed"]) == (MINE, "also mine", False)
    assert result["report"] == [f"{STUDENT}: {FIRST} was not brought: something of the student's own is in the way."]


def test_a_folder_closed_to_writing_is_told(course: Course) -> None:
    course.template(SECOND, ONE)
    course.give()
    course.template(SECOND, TWO)
    course.template(SCRIPT, "x = 2\n")
    if os.geteuid() == 0:  # otherwise the student is we, who may write anywhere
        (course.folder / "week2").chmod(0o555)
        result = course.give()
        assert result["kept"] == {STUDENT: [SECOND]}
        assert course.text(SECOND) == ONE
        (course.folder / "week2").chmod(0o755)
    course.give()
    assert (course.text(SECOND), course.text(SCRIPT)) == (TWO, "x = 2\n")


def test_check_mode_previews_each_student_and_changes_nothing(course: Course) -> None:
    write(course, FIRST, MINE.replace("The end", "The \\u001b[31mend"))
    course.template(FIRST, TWO)
    course.template(SCRIPT, "x = 2\n")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in course.home.rglob("*") if path.is_file()}
    stored = {path: path.read_bytes() for path in course.store.rglob("*") if path.is_file()}
    said = course.give(check=True)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in course.home.rglob("*") if p.is_file()} == before
    assert {path: path.read_bytes() for path in course.store.rglob("*") if path.is_file()} == stored
    shown = {diff["before_header"]: diff for diff in said["diff"]}
    assert set(shown) == {f"{STUDENT}/{FIRST}", f"{STUDENT}/{SCRIPT}"}
    assert "One more question" not in shown[f"{STUDENT}/{FIRST}"]["before"]
    assert "rows = len(table)" in shown[f"{STUDENT}/{FIRST}"]["before"]
    assert "One more question" in shown[f"{STUDENT}/{FIRST}"]["after"]
    assert "\x1b" not in json.dumps(said["diff"], ensure_ascii=False)
    assert (shown[f"{STUDENT}/{SCRIPT}"]["before"], shown[f"{STUDENT}/{SCRIPT}"]["after"]) == ("x = 1\n\n", "x = 2\n\n")
    done = course.give()
    assert {key: done[key] for key in ("changes", "report", "kept", "diff", "changed")} == {
        key: said[key] for key in ("changes", "report", "kept", "diff", "changed")
    }


# ── The student is at work meanwhile ─────────────────────────────────────────────────────────────────────────────────


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


def test_trouble_with_one_student_does_not_keep_the_others_waiting(course: Course) -> None:
    course.template(FIRST, TWO)
    result = course.give("ghost99", STUDENT)
    assert result["failed"]
    assert "Student ghost99 has no account" in result["msg"]
    assert (course.text(FIRST), result["changes"]) == (TWO, [f"updated {FIRST} of {STUDENT}"])
    stays_so(course)


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


# ── The program that merges ──────────────────────────────────────────────────────────────────────────────────────────


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


# ── Cut off, and a full disk ─────────────────────────────────────────────────────────────────────────────────────────

STEPS = ["open", "mkdir", "link", "rename", "replace", "unlink", "fsync", "write"]
NEEDS_ROOM = ["mkdir", "link", "fsync", "exchange"]
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
        monkeypatch.setattr(student_files, "exchange", counted("exchange", secure_files.exchange))
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


# ── A whole term ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(8))
def test_a_term_of_edits_and_editions(course: Course, seed: int) -> None:
    """Whatever the order, every cell that the student ever wrote and did not take back is in the folder at the end."""
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    template = json.loads(ONE)
    own: list[str] = []
    for week in range(6):
        what = dice.choice(["both", "template", "student", "rewrite"])
        if what != "student":
            change = insert_at(dice, template, f"T{week}") if dice.random() < 0.7 else rewrite_at(dice, f"T{week}")
            template = edited(change, of=template)
            course.template(FIRST, json.dumps(template))
        if what != "template":
            mine = nbformat.reader.reads(course.text(FIRST))
            word = f"S{week}"
            mine = edited(rewrite_at(dice, word, own) if what == "rewrite" else insert_at(dice, mine, word), of=mine)
            own = [text for text in texts(mine) if text.startswith("S")]
            write(course, FIRST, json.dumps(mine))
        course.give()
        now = nbformat.reader.reads(course.text(FIRST))
        assert [text for text in texts(now) if text.startswith("S")] == own
        nbformat.validate(now)
        assert len({cell["id"] for cell in now["cells"]}) == len(now["cells"])
        stays_so(course)
    everything = "".join(course.text(path) for path in visible(course))
    assert all(text in everything for text in texts(template) if "is new" in text)


def insert_at(dice: random.Random, of: dict[str, Any], word: str) -> Callable[[list[Any]], object]:
    return insert(dice.randrange(len(of["cells"]) + 1), markdown(f"{word} is new", f"id-{word}"))


def rewrite_at(dice: random.Random, word: str, own: list[str] | None = None) -> Callable[[list[Any]], object]:
    """Rewrite one of the cells that the course began with, or that is not yet the student's."""

    def change(cells: list[Any]) -> None:
        cell = dice.choice(
            [cell for cell in cells if cell["source"] not in (own or []) and "is new" not in cell["source"]] or cells
        )
        cell["source"] = f"{word} {cell['source'].split(' ', 1)[-1]}"

    return change


# ── As users run it ──────────────────────────────────────────────────────────────────────────────────────────────────

PLAY = """
- hosts: all
  gather_facts: false
  connection: local
  module_defaults:
    machine_learning.classroom.notebooks: {store: "{{ store }}"}
  tasks:
    - ansible.builtin.include_role: {name: notebooks}
"""


def test_the_role_in_ansible_itself(tmp_path: Path) -> None:
    """The module in a process of its own, from its archive, with the merge in yet another; what a person then reads."""
    source, folder = tmp_path / "templates", tmp_path / "machine" / "daily_user" / ME
    source.mkdir()
    play, hosts = tmp_path / "play.yml", tmp_path / "hosts.yml"
    play.write_text(PLAY)
    hosts.write_text("all: {hosts: {machine-1: {}}}\n")
    variables = tmp_path / "variables.json"
    values = {
        "notebooks_students": [ME],
        "notebooks_source": str(source),
        "notebooks_directory": str(folder.parent),
        "notebooks_python": sys.executable,
        "notebooks_again": [],
        "store": str(tmp_path / "delivered"),
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
    }
    variables.write_text(json.dumps(values))

    def run(*arguments: str) -> str:
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, f"--inventory={hosts}", f"--extra-vars=@{variables}", *arguments, str(play)]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120).stdout

    (source / FIRST).write_text(ONE)
    run()
    (folder / FIRST).write_text(MINE)
    (source / FIRST).write_text(TWO)
    preview = run("--check", "--diff")
    assert "+One more question" in preview
    assert (folder / FIRST).read_text() == MINE
    done = run()
    assert f"{ME}: merged with the student's own work {FIRST}." in done
    assert "One more question" in (folder / FIRST).read_text()
    assert "rows = len(table)" in (folder / FIRST).read_text()
    assert "changed=0" in run()
