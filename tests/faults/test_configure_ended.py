"""configure.yml and mail.yml ended in the middle and run again: as if nothing had happened, and one letter each."""

from __future__ import annotations

import contextlib
import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.class_machines import machines
from tests.support.commands import mails
from tests.support.lab_course import Course, Moment, tasks_of
from tests.support.letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20262
STUDENTS = ["ada", "blaise", "carl"]  # on two machines: one is shared
SETTINGS = {"class_confirm_teardown": "ml101", "class_students_per_machine": 2}
# What is ended in one class, one after the other; at last, configure.yml runs to its end.
ENDED = ["configure.yml", "configure.yml", "mail.yml", "configure.yml", "configure.yml"]
MANIFEST = Path(__file__).with_name("manifest.py")


@pytest.mark.usefixtures("_empty_lab")
@pytest.mark.timeout(3600)
def test_one_letter_each_and_the_machines_of_an_unbroken_run(tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, and no secret
    with fresh_class(tmp_path / "unbroken") as course:
        started = time.monotonic()
        tasks = tasks_of(course.play("configure.yml"))
        seconds = time.monotonic() - started
        assert letters(course) == STUDENTS
        unbroken = manifests(course)
    assert sorted(unbroken) == ["ml101-001", "ml101-002"]
    assert all(len(files) > 10_000 for files in unbroken.values())  # an environment, among other things
    ended = classes = 0
    while ended < kills:
        classes += 1
        with fresh_class(tmp_path / str(classes)) as course:
            credentials: dict[str, dict[str, str]] = {}
            for playbook in ENDED[: kills - ended]:
                ended += course.end(playbook, Moment.draw(chance, tasks, seconds))
                credentials = credentials or read_credentials(course)
                assert read_credentials(course) == credentials
                assert len(letters(course)) == len(set(letters(course)))
            course.play("configure.yml")
            assert "changed=0" in course.play("configure.yml mail.yml")
            assert read_credentials(course) == credentials
            assert letters(course) == STUDENTS
            different = differences(manifests(course), unbroken)
            assert not different, "\n".join(different[:40])
    print(f"{ended} runs ended, {classes} classes, {tasks} tasks in {seconds:.0f} s")


@contextlib.contextmanager
def fresh_class(folder: Path) -> Iterator[Course]:
    """Have a class with machines and nothing on them; they are taken down at the end."""
    for letter in mails():
        letter.unlink()
    course = Course(folder, SETTINGS)
    course.folder.mkdir()
    course.write_roster(STUDENTS)
    course.play("provision.yml")
    yield course
    course.play("teardown.yml")
    assert sorted(path.name for path in (folder / "work").iterdir() if not path.name.startswith(".")) == STUDENTS


def read_credentials(course: Course) -> dict[str, dict[str, str]]:
    """Return what the control node keeps of the students' credentials, by address."""
    found: dict[str, dict[str, str]] = json.loads((course.state / "credentials.json").read_text())
    return found


def letters(course: Course) -> list[str]:
    """Name the student of every letter that arrived, each with the password that is kept."""
    passwords = {each["password"] for each in read_credentials(course).values()}
    arrived = [read_letter(path) for path in mails()]
    assert {letter.password for letter in arrived} <= passwords
    return sorted(letter.username for letter in arrived)


def manifests(course: Course) -> dict[str, dict[str, list[Any]]]:
    """Return, for each machine, its files by path; texts that differ from class to class by what they stand for."""
    names = {
        each[secret]: f"{secret} of {email}"
        for email, each in read_credentials(course).items()
        for secret in ("password_hash", "token")
    }
    script = f"python3 - <<'END'\nnames = {names!r}\n{MANIFEST.read_text()}\nEND\n"
    seats = [each["Tags"]["Name"] for each in machines() if each["State"] == "running"]
    rows = {seat: [json.loads(row) for row in course.on(seat, script).splitlines()] for seat in seats}
    return {seat: {row[0]: row[1:] for row in found} for seat, found in rows.items()}


def differences(found: dict[str, dict[str, list[Any]]], expected: dict[str, dict[str, list[Any]]]) -> list[str]:
    """Name what is not as expected, one line each."""
    return [
        f"{seat} {path}: {found[seat].get(path)} instead of {expected[seat].get(path)}"
        for seat in expected
        for path in sorted(set(found[seat]) | set(expected[seat]))
        if found[seat].get(path) != expected[seat].get(path)
    ]
