"""The hours of a class on real hosts: machines stop when class ends, within a minute, and at no other time.

The tests go through a term in their order, and wait for the ends of class in it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.class_machines import machines, refuse_a_lab_that_is_up
from tests.support.commands import bring_lab_up, command, mails
from tests.support.lab_course import Course

if TYPE_CHECKING:
    from collections.abc import Iterator

SEAT = "ml101-001"
UNITS = "systemctl list-unit-files --no-legend 'class-hours*' || true"
JUPYTER = "systemctl show -P MainPID jupyter@ada.service"
# A terminal that is open while class ends; what it shows is kept.
OPEN_TERMINAL = "systemd-run --quiet --unit=terminal script --quiet --flush --command 'sleep 1800' /root/seen"
STOPS_WITHIN = timedelta(seconds=60)
# Until a class that is configured now may end: long enough to configure it, and to start a machine again.
SOON, LATER = 5, 12  # min


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Ada's class, which has no hours so far. Terminals are told a minute before class ends."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("course"), {"hours_warning_min": 1})
    made.write_roster(["ada"])
    try:
        bring_lab_up()
        made.play("provision.yml configure.yml")
        yield made
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture(scope="module")
def ends() -> tuple[datetime, datetime]:
    """Return when class ends, twice, with a break of a minute after the first."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return now + timedelta(minutes=SOON), now + timedelta(minutes=LATER)


def timetable(ends: tuple[datetime, datetime]) -> dict[str, Any]:
    """Write these ends in a zone in which it is about noon, so that midnight is far."""
    ahead = 12 - ends[0].hour
    first, second = (end + timedelta(hours=ahead) for end in ends)
    spans = (f"08:00-{first:%H:%M}", f"{first + timedelta(minutes=1):%H:%M}-{second:%H:%M}")
    return {
        "zone": f"Etc/GMT{-ahead:+d}",
        "hours": [f"{first:%a} {span}" for span in spans],
        "last_day": f"{first:%Y-%m-%d}",
    }


def state() -> str:
    """Return the state of the machine."""
    (machine,) = (each for each in machines() if each["Tags"].get("Name") == SEAT)
    return str(machine["State"])


def stopped_at(end: datetime) -> datetime:
    """Wait until the machine has stopped, or should have; return when it was seen."""
    while state() not in ("stopping", "stopped"):
        assert datetime.now(UTC) < end + STOPS_WITHIN, f"{SEAT} has not stopped at {end}"
        time.sleep(0.5)
    return datetime.now(UTC)


def test_a_class_without_hours_has_nothing_of_it_and_needs_nothing(course: Course) -> None:
    assert course.on(SEAT, UNITS) == ""
    assert "changed=0" in course.play("configure.yml -e configure_force=true")
    assert course.on(SEAT, UNITS) == ""


@pytest.mark.timeout(600)
def test_hours_that_come_in_the_term_touch_nothing_else(course: Course, ends: tuple[datetime, datetime]) -> None:
    letters, jupyter = len(mails()), course.on(SEAT, JUPYTER)
    course.on(SEAT, OPEN_TERMINAL)
    # First others, which are changed before they mean anything.
    day = ends[0] + timedelta(days=3)
    hours = {"zone": "UTC", "hours": [f"{day:%a} 08:00-18:00"], "last_day": f"{day:%Y-%m-%d}"}
    course.settings["class_timetable"] = hours
    assert "started class-hours.timer" in course.play("configure.yml -v")
    course.settings["class_timetable"] = timetable(ends)
    assert "restarted class-hours.timer" in course.play("configure.yml -v")
    assert "changed=0" in course.play("configure.yml -e configure_force=true")
    assert (len(mails()), course.on(SEAT, JUPYTER)) == (letters, jupyter)
    assert datetime.now(UTC) < ends[0], "it took too long to configure the machine"


@pytest.mark.timeout(900)
def test_the_machine_stops_within_a_minute_of_the_end_and_not_before(ends: tuple[datetime, datetime]) -> None:
    assert ends[0] <= stopped_at(ends[0])


@pytest.mark.timeout(1200)
def test_started_again_it_meets_the_next_end(course: Course, ends: tuple[datetime, datetime]) -> None:
    while state() != "stopped":
        time.sleep(0.5)
    course.play("start.yml")
    assert "This machine stops in 1 minutes, for class ends." in course.on(SEAT, "cat /root/seen")
    assert datetime.now(UTC) < ends[1], "it took too long to start the machine"
    assert ends[1] <= stopped_at(ends[1])


@pytest.mark.timeout(900)
def test_started_after_hours_it_runs_on_and_has_both_clocks(course: Course) -> None:
    while state() != "stopped":
        time.sleep(0.5)
    course.play("start.yml")
    shown = course.on(SEAT, "TZ=UTC systemctl show -P NextElapseUSecRealtime class-hours.timer").strip()
    next_end = datetime.strptime(shown, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    assert timedelta(days=6) < next_end - datetime.now(UTC) < timedelta(days=7)
    assert course.on(SEAT, "systemctl is-active class-stop.timer").strip() == "active"
    time.sleep(STOPS_WITHIN.total_seconds())
    assert state() == "running"


@pytest.mark.timeout(600)
def test_after_the_last_day_it_is_said_what_still_costs(course: Course) -> None:
    course.settings["class_timetable"] = {**course.settings["class_timetable"], "last_day": "2026-01-31"}
    still = "The last day of the class was 2026-01-31. What still costs money: 1 machines with their disks"
    for verb in ("provision.yml", "start.yml", "status.yml", "teardown.yml --check"):
        assert still in " ".join(course.play(verb).split())


@pytest.mark.timeout(600)
def test_hours_that_are_taken_out_leave_nothing(course: Course) -> None:
    jupyter = course.on(SEAT, JUPYTER)
    course.settings["class_timetable"] = {}
    assert "stopped class-hours.timer" in course.play("configure.yml -v")
    assert course.on(SEAT, UNITS) == ""
    assert course.on(SEAT, "systemctl list-timers --all --no-legend 'class-hours*'") == ""
    assert course.on(SEAT, "ls /etc/profile.d").count("class-hours") == 0
    assert "changed=0" in course.play("configure.yml -e configure_force=true")
    assert course.on(SEAT, JUPYTER) == jupyter
