"""The verbs between the first day and the last, in the order of a term, on a class of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.class_machines import machines, refuse_a_lab_that_is_up
from tests.support.commands import bring_lab_up, command, mails
from tests.support.lab_course import Course
from tests.support.letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
SHARED, OWN = "ml101-001", "ml101-002"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Ada and grace share a machine, mary has one of her own; each has written something."""
    refuse_a_lab_that_is_up()
    # A machine of the lab that does not answer in twenty seconds was cut.
    made = Course(tmp_path_factory.mktemp("course"), {"class_students_per_machine": 2, "work_reach_wait_s": 20})
    made.write_roster(["ada", "grace", "mary"])
    try:
        bring_lab_up()
        made.play("provision.yml configure.yml")
        for seat in (SHARED, OWN):
            made.on(seat, f"cd {FOLDER}; for who in *; do echo of $who > $who/own.txt; done")
        yield made
    finally:
        command("make lab-down DISCARD=1")


def addresses() -> dict[str, str]:
    """Return the address of each machine that runs, by seat."""
    return {each["Tags"]["Name"]: each["PublicIpAddress"] for each in machines() if each["State"] == "running"}


def places() -> dict[str, str]:
    """Return who sits where."""
    return {each["Tags"]["Name"]: each["Tags"]["Students"] for each in machines() if each["State"] != "terminated"}


def at_home(course: Course, username: str) -> str:
    """Return what the student wrote."""
    return (course.folder / "work" / username / "own.txt").read_text()


def test_machines_stop_once_their_work_is_home(course: Course) -> None:
    assert "2 machines of ml101 would stop" in course.play("stop.yml --check")
    assert len(addresses()) == 2
    assert "2 machines of ml101 have stopped" in course.play("stop.yml")
    assert addresses() == {}
    assert {at_home(course, who) for who in ("ada", "grace", "mary")} == {"of ada\n", "of grace\n", "of mary\n"}


def test_what_stopped_with_all_work_at_home_is_not_started_to_look(course: Course) -> None:
    assert "NOT SAFE" not in course.play("collect.yml")
    assert "2 machines of ml101 would be terminated" in course.play("teardown.yml --check")
    assert addresses() == {}


def test_one_student_s_machine_starts_with_a_new_address_and_one_letter(course: Course) -> None:
    letters = len(mails())
    shown = course.play("start.yml -e student=mary")
    assert list(addresses()) == [OWN]
    assert shown.count(" answers ") == 1
    assert [(read_letter(mail).username, read_letter(mail).address) for mail in mails()[letters:]] == [
        ("mary", addresses()[OWN])
    ]


def test_the_others_start_and_nobody_gets_a_letter_twice(course: Course) -> None:
    letters = len(mails())
    shown = course.play("start.yml")
    assert sorted(addresses()) == [SHARED, OWN]
    assert shown.count(" answers ") == 3
    assert sorted(read_letter(mail).username for mail in mails()[letters:]) == ["ada", "grace"]
    assert {read_letter(mail).address for mail in mails()[letters:]} == {addresses()[SHARED]}
    course.play("start.yml")
    assert len(mails()) == letters + 2


def test_host_keys_that_were_missed_at_the_first_boot_are_pinned_after_another(course: Course) -> None:
    pinned = course.state / "known_hosts"
    before = pinned.read_text()
    pinned.unlink()
    assert "No host key on the console" not in course.play("provision.yml")
    assert pinned.read_text() == before


def test_who_retires_from_a_shared_machine_is_kept_out_and_moves_nobody(course: Course) -> None:
    course.on(SHARED, f"echo more >> {FOLDER}/grace/own.txt")
    course.on(SHARED, "runuser -u grace -- sh -c 'sleep 1000 > /dev/null 2>&1 &'")
    refused = command(course.line("retire.yml -e student=grace"), check=False)
    assert refused.returncode != 0
    assert "Still in the roster: grace" in refused.stdout
    course.write_roster(["ada", "mary"])
    assert "retire.yml -e student=grace" in course.play("provision.yml")
    before = addresses()
    course.play("retire.yml -e student=grace --check")
    assert places() == {SHARED: "ada grace", OWN: "mary"}
    course.play("retire.yml -e student=grace")
    assert places() == {SHARED: "ada -", OWN: "mary"}
    assert addresses() == before
    assert at_home(course, "grace") == "of grace\nmore\n"
    assert course.on(SHARED, "pgrep --uid grace || echo nobody").strip() == "nobody"
    for unit in ("jupyter@grace.service", "my-work@grace.timer"):
        assert course.on(SHARED, f"systemctl is-active {unit} || true").strip() == "inactive"
        assert course.on(SHARED, f"systemctl is-enabled {unit} || true").strip() == "disabled"
    assert "Jan 02, 1970" in course.on(SHARED, "chage -l grace | grep 'Account expires'")
    assert course.play("status.yml").count(" answers ") == 2
    assert "left before" in course.play("retire.yml -e student=grace")


def test_a_machine_that_broke_is_exchanged_and_the_student_notices_only_the_address(course: Course) -> None:
    course.write_roster(["ada", "mary", "hugo"])  # who comes takes the free place, so mary needs a new machine
    course.play("provision.yml")
    assert places() == {SHARED: "ada - hugo", OWN: "mary"}
    command(f".venv/bin/python -m lab cut {OWN}")
    before, letters = (course.state / "credentials.json").read_text(), len(mails())
    kept = command(course.line("replace.yml -e student=mary"), check=False)
    assert kept.returncode != 0
    assert "ml101-002 (running; mary): it could not be reached" in kept.stdout + kept.stderr
    assert "Options: " in kept.stdout + kept.stderr
    assert sorted(places()) == [SHARED, OWN]
    command(f".venv/bin/python -m lab heal {OWN}")
    command(f".venv/bin/python -m lab kill {OWN}")
    course.play("replace.yml -e student=mary")
    new = next(seat for seat, students in places().items() if students == "mary")
    assert places() == {SHARED: "ada - hugo", new: "mary"}
    assert course.on(new, f"cat {FOLDER}/mary/own.txt") == "of mary\n"
    assert (course.state / "credentials.json").read_text() == before
    (letter,) = [read_letter(mail) for mail in mails()[letters:]]
    assert (letter.username, letter.address) == ("mary", addresses()[new])


def test_a_machine_that_stays_lost_is_exchanged_for_a_snapshot(course: Course) -> None:
    (seat,) = (seat for seat, students in places().items() if students == "mary")
    command(f".venv/bin/python -m lab cut {seat}")
    shown = course.play("""replace.yml -e student=mary -e '{"class_snapshot_work": ["mary"]}'""")
    assert "Only on an EBS snapshot, which costs money until you delete it: snap-" in shown
    (new,) = (seat for seat, students in places().items() if students == "mary")
    assert course.on(new, f"cat {FOLDER}/mary/own.txt") == "of mary\n"
    assert not (course.state / "replacing.json").exists()
