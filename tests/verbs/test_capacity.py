"""A class for which EC2 has not enough: of its first types, then of what it would take to start all machines again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.class_machines import machines, refuse_a_lab_that_is_up, running
from tests.support.commands import bring_lab_up, command, mails, requests
from tests.support.lab_course import Course
from tests.support.letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUDENTS = ["ada", "emmy", "grace", "joan", "katherine", "lise", "mary", "sofja"]
REFUSED = {"ml101-002": "emmy", "ml101-006": "lise"}
VERDICT_SECONDS = 20


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    """Eight students with a machine each, in a lab that has three of the first type and three of the second."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path, {"class_confirm_teardown": "ml101"})
    made.write_roster(STUDENTS)
    try:
        bring_lab_up()
        yield made
    finally:
        command("make lab-down DISCARD=1")


def lab(line: str) -> None:
    """Tell the lab what EC2 has."""
    command(f".venv/bin/python -m lab {line}")


def seconds_of_launching() -> float:
    """Return the time from the first request to launch until the last answer."""
    launches = [each for each in requests() if each["action"] == "RunInstances"]
    first, last = (datetime.fromisoformat(each["time"]) for each in (launches[0], launches[-1]))
    return (last - first).total_seconds() + float(launches[0]["ms"]) / 1000


@pytest.mark.timeout(2400)
def test_who_has_a_machine_begins_and_gets_a_letter(course: Course) -> None:
    lab("fault --left 3 --type m6a.large")
    lab("fault --left 3 --type m5.large")
    lab("fault --left 0 --zone us-east-1a")
    course.play("provision.yml configure.yml")
    living = [each for each in machines() if each["State"] == "running"]
    assert Counter(each["InstanceType"] for each in living) == {"m6a.large": 3, "m5.large": 3, "t3a.large": 2}
    assert len(machines()) == len(STUDENTS)
    assert "us-east-1a" not in {each["Placement"]["AvailabilityZone"] for each in living}
    assert sorted(read_letter(path).username for path in mails()) == STUDENTS
    print(f"asked and answered for all machines in {seconds_of_launching():.1f} s")
    assert seconds_of_launching() <= VERDICT_SECONDS

    course.play("stop.yml")
    lab("fault --clear")  # those that stopped are there again, but for two
    for seat in REFUSED:
        lab(f"fault --action StartInstances --code InsufficientInstanceCapacity --times 100 --seat {seat}")
    for letter in mails():
        letter.unlink()
    said = course.play("start.yml", check=False)
    assert sorted(running()) == [f"ml101-{number:03}" for number in (1, 3, 4, 5, 7, 8)]
    end = said[said.index("Not everybody has a running machine") :]
    assert all(who in end for who in REFUSED.values())
    assert sorted(read_letter(path).username for path in mails()) == sorted(set(STUDENTS) - set(REFUSED.values()))

    lab("fault --clear")
    course.play("start.yml")
    assert len(running()) == len(machines()) == len(STUDENTS)
    assert sorted(read_letter(path).username for path in mails()) == STUDENTS
    course.play("teardown.yml")
