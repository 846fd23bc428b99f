"""Check mode on machines that have everything broken: no file, unit or process there moves, and nothing at home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.commands import recap, requests
from tests.support.damage import DAMAGES

if TYPE_CHECKING:
    from tests.support.lab_course import Course

ROLES = {damage.role for damage in DAMAGES}
SEATS = ("ml101-001", "ml101-002")
STATE = Path(__file__).with_name("state.py").read_text()
COMMANDS = [
    "plan.yml",
    "provision.yml",
    "configure.yml",
    "configure.yml -e configure_force=true",
    "mail.yml",
    "mail.yml -e student=ada",
    "link.yml -e student=ada -e renew=password,token",
    "status.yml",
    "leftovers.yml",
    "collect.yml",
    "restore.yml -e student=ada -e at=2000-01-01",
    "restore.yml -e student=ada",
    "handback.yml",
    "stop.yml",
    "start.yml",
    "replace.yml -e student=ada",
    "retire.yml -e student=ada",
    "bake.yml",
    "teardown.yml",
]
READS = ("Describe", "Get", "List")


def machine(course: Course, seat: str) -> set[str]:
    """Return a line for everything on a machine that may not move."""
    return set(course.on(seat, f"python3 - <<'END'\n{STATE}\nEND\n").splitlines())


def home(course: Course) -> set[str]:
    """Return a line for every file that the class has on this computer, but for the course's own settings and locks."""
    found = set()
    for path in course.folder.rglob("*"):
        if path.name not in ("class.yml", "run.lock") and not path.is_symlink():
            known = path.lstat()
            found.add(json.dumps([str(path), known.st_ino, known.st_mtime_ns]))
    return found


def test_nothing_moves(course: Course) -> None:
    course.play("collect.yml")
    for damage in DAMAGES:
        course.on(SEATS[0], damage.done)
    before = {seat: machine(course, seat) for seat in SEATS}
    kept, calls = home(course), len(requests())
    moved = {}
    for line in COMMANDS:
        said = course.play(f"{line} --check", check=False)
        if line.startswith("configure.yml"):  # it went all the way
            assert recap(said)[SEATS[0]]["changed"] >= len(ROLES) - 1  # what was given is remembered without a word
        now = {seat: machine(course, seat) for seat in SEATS}
        moved[line] = [row for seat in SEATS for row in sorted(before[seat] ^ now[seat])]
        moved[line] += sorted(kept ^ home(course))
        before, kept = now, home(course)
    assert {line: rows for line, rows in moved.items() if rows} == {}
    assert [each["action"] for each in requests()[calls:] if not each["action"].startswith(READS)] == []
    course.play("configure.yml")
    for damage in DAMAGES:
        course.on(SEATS[0], damage.mended)
