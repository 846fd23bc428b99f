"""The hours of a class: what is read, what is refused, and when machines stop in the years' odd nights."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import (
    Left,
    Timetable,
    TimetableError,
    read,
)

TERM = {"zone": "Europe/Berlin", "hours": ["Mon,Wed 08:00-18:00"], "last_day": date(2027, 2, 12)}
NEXT = re.compile(r"(?:Next elapse|Iter\. #\d+): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")
# Both changes of the clocks are in 2027: in Berlin at two and at three in the night, in Santiago at midnight, on Lord
# Howe by half an hour. Morocco puts them back for Ramadan alone.
YEAR = [date(2027, 1, 1) + timedelta(days=day) for day in range(365)]
ODD_NIGHTS = [
    ("Europe/Berlin", ["Sat 20:00-24:00", "Sun 00:00-02:30", "Mon-Fri 22:00-23:15"]),
    ("America/Santiago", ["Sat 20:00-24:00", "Sun 08:00-23:30"]),
    ("Australia/Lord_Howe", ["Sun 00:00-02:15"]),
    ("Africa/Casablanca", ["Sun 01:00-02:30"]),
]


def timetable(**changed: Any) -> Timetable:
    made = read({**TERM, **changed})
    assert made is not None
    return made


def in_berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def elapses(lines: list[str], base: datetime, iterations: int = 1) -> list[datetime]:
    """Ask systemd when a timer with these lines elapses after `base`, in order."""
    options = (f"--base-time={base:%Y-%m-%d %H:%M:%S} UTC", f"--iterations={iterations}")
    shown = subprocess.run(
        ["systemd-analyze", "calendar", *options, *lines],
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted({datetime.fromisoformat(found).replace(tzinfo=UTC) for found in NEXT.findall(shown)})


def test_there_need_be_none() -> None:
    settings: list[Any] = [{}, None, ""]
    assert [read(nothing) for nothing in settings] == [None, None, None]


@pytest.mark.parametrize(
    ("hours", "stops"),
    [
        (["Mon,Wed 08:00-18:00"], "Mon, Wed 18:00"),
        ("Mon,Wed 08:00-18:00", "Mon, Wed 18:00"),
        (["mon , WEDNESDAY 8:00 - 18:00"], "Mon, Wed 18:00"),
        (["Mon-Wed 08:00-18:00", "Fri 08:00-12:30"], "Mon, Tue, Wed 18:00; Fri 12:30"),
        (["Fri-Mon 08:00-18:00"], "Mon, Fri, Sat, Sun 18:00"),
        (["Mon 08:00-10:00", "Mon 14:00-16:00"], "Mon 10:00; Mon 16:00"),
        (["Mon 10:00-12:00", "Mon 08:00-10:00", "Mon 11:00-11:30"], "Mon 12:00"),
        (["Mon 20:00-24:00"], "Mon 24:00"),
        (["Sun 20:00-24:00", "Mon 00:00-02:00"], "Mon 02:00"),
    ],
)
def test_machines_stop_where_no_class_follows(hours: Any, stops: str) -> None:
    assert timetable(hours=hours).words() == f"{stops} (Europe/Berlin)"


def test_days_have_the_names_of_the_language() -> None:
    assert timetable().words(["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"]) == "Mo, Mi 18:00 (Europe/Berlin)"


@pytest.mark.parametrize("last_day", ["2027-02-12", date(2027, 2, 12)])
def test_the_last_day_is_what_yaml_reads_or_json_gives(last_day: Any) -> None:
    assert timetable(last_day=last_day).last_day == date(2027, 2, 12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"zone": "Berlin"}, "zone: there is no time zone 'Berlin'. Do you mean Europe/Berlin?"),
        ({"zone": 1}, "zone: there is no time zone 1. Europe/Berlin is one."),
        ({"hours": []}, 'hours: a list is needed, such as ["Mon,Wed 08:00-18:00"].'),
        ({"hours": ["Mon"]}, "hours: 'Mon' is no hours; a line is \"Mon,Wed 08:00-18:00\", with its quotation marks."),
        ({"hours": [{"Mon": "08:00-18:00"}]}, "is no hours; a line is"),
        ({"hours": ["08:00-18:00"]}, "hours: '08:00-18:00' is no hours; a line is"),
        ({"hours": ["Mond 08:00-18:00"]}, "'Mond 08:00-18:00' has a day 'Mond', which is none. Do you mean Mon?"),
        ({"hours": ["Xyz 08:00-18:00"]}, "which is none. Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun."),
        ({"hours": ["Mon,, Wed 08:00-18:00"]}, "has a day '', which is none."),
        ({"hours": ["Mon 08:00-25:00"]}, "has a time that is none: they go from 00:00 to 24:00."),
        ({"hours": ["Mon 08:60-18:00"]}, "has a time that is none"),
        ({"hours": ["Mon 24:00-24:00"]}, "has a time that is none"),
        ({"hours": ["Mon 22:00-02:00"]}, 'over midnight, write "Mon 22:00-24:00" and "Tue 00:00-02:00".'),
        ({"hours": ["Mon-Sun 00:00-24:00"]}, "hours: class never ends by them, so machines would never stop."),
        ({"last_day": "2027-02-30"}, "last_day: there is no day 2027-02-30."),
        ({"last_day": "12.2.2027"}, "last_day: '12.2.2027' is no day such as 2027-02-12."),
        ({"last_day": datetime(2027, 2, 12, 18, tzinfo=UTC)}, "is no day such as 2027-02-12."),
        ({"hour": "Mon 08:00-18:00"}, "It knows no hour. Do you mean hours?"),
        ({"weeks": 14}, "It knows no weeks. It has zone, hours and last_day."),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(TimetableError, match=re.escape(words)) as refused:
        timetable(**changed)
    assert str(refused.value).startswith("class_timetable (group_vars/all/class.yml) cannot be kept:\n")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("Mon 08:00-18:00", "It is 'Mon 08:00-18:00' instead of, for example, {zone: Europe/Berlin, hours: ["),
        ({"zone": "UTC"}, "It lacks hours and last_day. An example: {zone: Europe/Berlin, hours: ["),
    ],
)
def test_a_setting_that_is_no_timetable_is_shown_one(setting: Any, words: str) -> None:
    with pytest.raises(TimetableError, match=re.escape(words)):
        read(setting)


def test_all_mistakes_are_told_at_once_in_five_lines() -> None:
    with pytest.raises(TimetableError) as refused:
        read({"zone": "Berlin", "hours": ["Mond 08:00-18:00", "Mon"], "lastday": "soon"})
    lines = str(refused.value).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["It", "It", "zone:"]
    assert lines[4:] == ["and 2 more"]
    with pytest.raises(TimetableError, match=r"zone: .*\nhours: .*\nlast_day: "):
        read({"zone": "Berlin", "hours": ["Mon"], "last_day": "soon"})


def test_a_computer_without_time_zones_is_told_what_it_lacks() -> None:
    with pytest.raises(TimetableError, match="This computer knows no time zones to count them in: install its package"):
        read(TERM, set())


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2027-02-01 00:00", Left(4, 40)),
        ("2027-02-08 08:00", Left(2, 20)),
        ("2027-02-08 13:30", Left(2, 14.5)),
        ("2027-02-08 18:00", Left(1, 10)),
        ("2027-02-12 23:59", Left(0, 0)),
        ("2027-02-13 00:00", Left(0, 0)),
    ],
)
def test_what_is_left_of_the_term_is_counted(now: str, left: Left) -> None:
    assert timetable().left(in_berlin(now)) == left


def test_hours_are_counted_as_they_pass_not_as_clocks_show_them() -> None:
    nights = {"hours": ["Sat,Sun 00:00-06:00"]}
    assert timetable(**nights, last_day="2027-03-28").left(in_berlin("2027-03-27 00:00")) == Left(2, 11)
    assert timetable(**nights, last_day="2027-10-31").left(in_berlin("2027-10-30 00:00")) == Left(2, 13)


def test_the_term_is_over_when_its_last_day_is_in_its_own_zone() -> None:
    there = timetable(zone="Pacific/Auckland")
    assert not there.is_over(datetime(2027, 2, 12, 10, 59, tzinfo=UTC))
    assert there.is_over(datetime(2027, 2, 12, 11, 0, tzinfo=UTC))
    assert not timetable().is_over(datetime(2027, 2, 12, 11, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("started", "stops"),
    [
        ("2027-02-01 07:30", "2027-02-01 18:00"),
        ("2027-02-01 18:00", "2027-02-03 18:00"),
        ("2027-02-03 21:00", "2027-02-08 18:00"),
        ("2027-02-27 21:00", "2027-03-01 18:00"),
    ],
)
def test_a_machine_started_after_hours_meets_the_next_end_of_class_after_the_last_day_too(
    started: str, stops: str
) -> None:
    assert timetable().next_stop(in_berlin(started)) == in_berlin(stops)


def test_a_timer_is_a_line_for_each_time_of_day() -> None:
    made = timetable(hours=["Mon,Wed 08:00-18:00", "Sun 20:00-24:00"])
    assert made.calendar() == ["Mon *-*-* 00:00:00 Europe/Berlin", "Mon,Wed *-*-* 18:00:00 Europe/Berlin"]
    assert made.calendar(15) == ["Mon,Wed *-*-* 17:45:00 Europe/Berlin", "Sun *-*-* 23:45:00 Europe/Berlin"]


def test_a_stop_that_the_clocks_pass_over_has_a_line_of_its_own() -> None:
    made = timetable(hours=["Sun 00:00-02:30"])
    assert "2027-03-28 01:30:00 UTC" in made.calendar()
    assert "2027-03-28 01:15:00 UTC" in made.calendar(15)
    assert made.next_stop(in_berlin("2027-03-28 01:00")) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("zone", "hours"), [("Europe/Berlin", ["Mon,Wed 08:00-18:00"]), ODD_NIGHTS[0]])
def test_systemd_stops_machines_when_meant_from_every_date_of_a_year(zone: str, hours: list[str]) -> None:
    made = timetable(zone=zone, hours=hours)
    for day in YEAR:
        base = datetime(day.year, day.month, day.day, tzinfo=UTC)
        assert elapses(made.calendar(), base)[0] == made.next_stop(base), day


@pytest.mark.parametrize(("zone", "hours"), ODD_NIGHTS)
def test_systemd_stops_machines_as_often_as_class_ends(zone: str, hours: list[str]) -> None:
    made = timetable(zone=zone, hours=hours)
    begin, end = (datetime(2027, month, day, tzinfo=UTC) for month, day in ((1, 1), (12, 31)))
    meant, moment = [], begin
    while (moment := made.next_stop(moment)) < end:
        meant.append(moment)
    assert [each for each in elapses(made.calendar(), begin, 400) if each < end] == meant


@pytest.mark.parametrize(("zone", "hours"), ODD_NIGHTS)
def test_students_are_warned_before_every_stop(zone: str, hours: list[str]) -> None:
    made = timetable(zone=zone, hours=hours)
    begin, end = (datetime(2027, month, day, tzinfo=UTC) for month, day in ((1, 2), (12, 31)))
    warned = set(elapses(made.calendar(15), begin, 400))
    moment = begin + timedelta(minutes=15)
    while (moment := made.next_stop(moment)) < end:
        assert moment - timedelta(minutes=15) in warned
