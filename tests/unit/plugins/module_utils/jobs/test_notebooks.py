"""What is given to a student's folder, and what is not, whatever the student has put there."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import signal
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.ask import reasons
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import (
    student_files,
    student_process,
    templates,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.job_questions import question

from tests.support.notebook_course import STUDENT, Course, as_student

FIRST, SECOND = "01-first.md", "week2/02-second.md"


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Course:
    course = Course(tmp_path, capsys)
    course.template(FIRST, "first")
    course.template(SECOND, "second")
    return course


def aside(path: str, text: str) -> str:
    """Return the path of a new edition that lies beside the student's file."""
    stem, ending = os.path.splitext(path)
    return f"{stem}.new-{hashlib.sha256(text.encode()).hexdigest()[:8]}{ending}"


def test_a_student_gets_everything_once(course: Course) -> None:
    result = course.give()
    assert result["changed"]
    assert course.executions == 2
    assert (course.text(FIRST), course.text(SECOND)) == ("first", "second")
    assert course.files() == {FIRST, SECOND}
    uid = pwd.getpwnam(STUDENT).pw_uid
    modes = {
        path.relative_to(course.home).as_posix(): (f"{path.stat().st_mode & 0o7777:o}", path.stat().st_uid)
        for path in (course.folder, *course.folder.rglob("*"))
    }
    assert modes == {
        STUDENT: ("700", uid),
        f"{STUDENT}/{FIRST}": ("644", uid),
        f"{STUDENT}/week2": ("755", uid),
        f"{STUDENT}/{SECOND}": ("644", uid),
    }
    assert course.home.stat().st_mode & 0o7777 == 0o711

    again = course.give()
    assert (again["changed"], again["changes"], course.executions) == (False, [], 1)


def test_check_mode_says_the_same_and_does_nothing(course: Course) -> None:
    said = course.give(check=True)
    assert course.executions == 1
    assert not course.home.parent.exists()
    assert not course.store.exists()
    done = course.give()
    given = [f"gave {STUDENT} {FIRST}", f"gave {STUDENT} {SECOND}"]
    assert [change for change in said["changes"] if change in given] == given
    assert said["changes"] == [change for change in done["changes"] if not change.startswith("set ")]

    course.template("week3/03-third.md", "third")
    said = course.give(check=True)
    assert said["changes"] == [f"gave {STUDENT} week3/03-third.md"]
    assert course.files() == {FIRST, SECOND}
    assert not (course.folder / "week3").exists()
    assert course.give()["changes"] == said["changes"]
    assert not course.give(check=True)["changed"]


def test_what_a_student_wrote_stays(course: Course) -> None:
    as_student(course, FIRST).write_text("mine")
    result = course.give()
    assert (course.text(FIRST), course.text(SECOND)) == ("mine", "second")
    assert result["kept"] == {STUDENT: [FIRST]}
    assert course.text(aside(FIRST, "first")) == "first"
    assert result["report"] == [
        f"{STUDENT}: {FIRST} stays as the student has it, because it is the student's own."
        f" The new edition lies beside it: {aside(FIRST, 'first')}."
    ]
    again = course.give()
    assert (again["changed"], course.executions) == (False, 1)
    assert course.text(FIRST) == "mine"


def test_a_new_template_is_given_and_only_that(course: Course) -> None:
    course.give()
    course.template("03-third.md", "third")
    result = course.give()
    assert result["changes"] == [f"gave {STUDENT} 03-third.md"]
    assert course.executions == 2
    assert course.text("03-third.md") == "third"


def test_what_was_given_is_remembered_with_its_bytes(course: Course) -> None:
    course.give()
    record = json.loads((course.store / f"{STUDENT}.json").read_text())
    assert {path: (course.store / "objects" / sha256).read_text() for path, sha256 in record.items()} == {
        FIRST: "first",
        SECOND: "second",
    }
    assert {path.stat().st_mode & 0o077 for path in (course.store, *course.store.rglob("*"))} == {0}


def test_a_killed_run_is_finished_by_the_next(course: Course) -> None:
    """Between the file and the record: what the student has is the template, so it was given."""
    course.give()
    (course.store / f"{STUDENT}.json").unlink()
    assert not course.give()["changed"]
    (course.folder / FIRST).unlink()
    course.give()
    assert course.files() == {SECOND}


TRAPS = ["link", "dangling link", "link to folder", "folder", "pipe", "unreadable"]


@pytest.mark.parametrize("trap", TRAPS)
def test_whatever_lies_there_is_not_touched_nor_followed(course: Course, tmp_path: Path, trap: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)
    (outside / "root.txt").write_text("root's")
    place = as_student(course, FIRST)
    if trap == "link":
        place.symlink_to(outside / "root.txt")
    elif trap == "dangling link":
        place.symlink_to(outside / "new.txt")
    elif trap == "link to folder":
        place.symlink_to(outside)
    elif trap == "folder":
        place.mkdir()
    elif trap == "pipe":
        os.mkfifo(place)
    else:
        place.write_text("mine")
        place.chmod(0)
    before = place.lstat()
    result = course.give()
    assert result["kept"] == {STUDENT: [FIRST]}
    after = place.lstat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"root.txt": "root's"}
    assert course.text(SECOND) == "second"
    again = course.give()
    assert (again["changed"], course.executions) == (False, 1)


@pytest.mark.parametrize("trap", ["link", "file"])
def test_a_folder_on_the_way_that_is_none_is_not_entered(course: Course, tmp_path: Path, trap: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    place = as_student(course, "week2")
    if trap == "link":
        place.symlink_to(outside)
    else:
        place.write_text("mine")
    result = course.give()
    assert result["kept"] == {STUDENT: [SECOND]}
    assert not list(outside.iterdir())
    assert course.text(FIRST) == "first"


def test_a_link_in_the_place_of_the_folder_is_refused(course: Course, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    course.home.mkdir(parents=True)
    course.folder.symlink_to(outside)
    result = course.give()
    assert "is a link" in result["msg"]
    assert not list(outside.iterdir())


def test_a_link_that_appears_at_the_last_moment_gets_nothing(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The student watches for the file and is faster: between our look and our writing lies a link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    looked = student_files.look

    def look_and_lose(folder: int, name: str) -> student_files.Found | None:
        found = looked(folder, name)
        if found is None:
            os.symlink(outside / "stolen", name, dir_fd=folder)
        return found

    monkeypatch.setattr(student_files, "look", look_and_lose)
    result = course.give()
    assert result["kept"] == {STUDENT: [FIRST, SECOND]}
    assert not list(outside.iterdir())
    assert course.files() == {FIRST, SECOND, aside(FIRST, "first"), aside(SECOND, "second")}
    assert all((course.folder / path).is_symlink() for path in course.files())


def test_the_writer_is_the_student(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever trap we did not think of, it leads to nothing but what the student could do anyway."""
    told = course.home.parent / "told"
    course.home.mkdir(parents=True)
    handle = os.open(told, os.O_WRONLY | os.O_CREAT)
    make = student_files.create

    def tell(folder: int, name: str, content: bytes) -> bool:
        os.write(handle, f"{os.getresuid()} {os.getresgid()} {os.getgroups()}\n".encode())
        return make(folder, name, content)

    monkeypatch.setattr(student_files, "create", tell)
    course.give()
    os.close(handle)
    account = pwd.getpwnam(STUDENT)
    groups = [] if os.geteuid() == 0 else os.getgroups()
    assert told.read_text().splitlines() == [f"{(account.pw_uid,) * 3} {(account.pw_gid,) * 3} {groups}"] * 2


def test_a_writer_that_is_held_up_or_killed_is_given_up(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student_process, "PATIENCE", 0.2)
    for harm in (signal.SIGSTOP, signal.SIGKILL):
        monkeypatch.setattr(student_files, "create", lambda *_, harm=harm: os.kill(os.getpid(), harm))
        assert f"the folder of {STUDENT} was interrupted" in course.give()["msg"]
    monkeypatch.undo()
    assert course.give()["changed"]
    assert course.files() == {FIRST, SECOND}


def test_trouble_with_the_disk_is_told_in_words(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(student_files, "create", full)
    result = course.give()
    assert result["msg"] == (
        f"The folder of {STUDENT} cannot be written: No space left on device. Make room on the machine's disk, then"
        " run again."
    )


def test_a_student_without_an_account_is_named(course: Course) -> None:
    result = course.give("ghost99")
    assert "Student ghost99 has no account" in result["msg"]
    said = course.give("ghost99", check=True)
    assert f"gave ghost99 {FIRST}" in said["changes"]


@pytest.mark.parametrize("name", ["../root", "", ".", "a/b", "Ada"])
def test_a_name_that_is_none_goes_nowhere(course: Course, name: str) -> None:
    assert "is no username" in course.give(name)["msg"]


def test_hidden_files_are_not_sent(course: Course) -> None:
    course.template(".ipynb_checkpoints/01-first-checkpoint.ipynb", "old")
    course.template(".DS_Store", "finder")
    course.template("__pycache__/helper.pyc", "code")
    course.give()
    assert course.files() == {FIRST, SECOND}


def test_too_much_and_too_little_are_refused(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "LARGEST", 8)
    with pytest.raises(Exception, match=r"data/datasets\.yml"):
        course.give()
    course.source = course.source / "nowhere"
    with pytest.raises(Exception, match="class_notebooks_directory"):
        course.give()


def asked(course: Course) -> list[str]:
    """Return why the machine needs the job, in its own words."""
    return reasons("notebooks", question("notebooks", course.args(), str))


def test_it_is_needed_until_what_was_given_is_remembered(course: Course) -> None:
    course.give()
    assert asked(course) == []
    (course.store / f"{STUDENT}.json").unlink()
    assert asked(course) == [f"what {STUDENT} has been given is to be remembered"]
    assert not course.give()["changed"]
    assert asked(course) == []


def test_it_is_needed_as_long_as_there_is_something_to_say(course: Course) -> None:
    course.give()
    for path in (FIRST, aside(FIRST, "second edition")):
        as_student(course, path).write_text("mine")
    course.template(FIRST, "second edition")
    course.give()
    said = f"{STUDENT}: {FIRST} was not brought: something of the student's own is in the way."
    assert asked(course) == [said]
    assert course.give()["report"] == [said]
