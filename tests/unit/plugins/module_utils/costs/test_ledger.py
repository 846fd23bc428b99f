"""What was used, as commands saw it: a week against a meter, odd moments, and a file that outlives them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs import ledger
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import SPARE, Usage, observe, used

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = datetime(2026, 10, 12, 7, 0, tzinfo=UTC)
MAX_HOURS = 12
DISK_GB = 30


@dataclass
class Machine:
    """An instance, and the meter at AWS that counts the seconds for which it runs."""

    students: str
    made: datetime
    started: datetime
    stopped: datetime | None = None
    reason: str = ""
    metered: float = 0

    def stop(self, at: datetime, reason: str = "") -> None:
        """Stop at a time; by itself it leaves none in the `reason`."""
        assert self.stopped is None
        self.stopped, self.reason = at, reason or f"User initiated ({at:%Y-%m-%d %H:%M:%S} GMT)"
        self.metered += (at - self.started).total_seconds()

    def start(self, at: datetime) -> None:
        """Start again."""
        assert self.stopped
        self.started, self.stopped, self.reason = at, None, ""


@dataclass
class Term:
    """A class, and what AWS meters of it."""

    folder: Path
    machines: dict[str, Machine] = field(default_factory=dict)
    ended: list[Machine] = field(default_factory=list)

    def launch(self, name: str, students: str, at: datetime) -> Machine:
        """Launch a machine."""
        self.machines[name] = Machine(students, at, at)
        return self.machines[name]

    def end(self, name: str, at: datetime) -> None:
        """Terminate one that runs."""
        machine = self.machines.pop(name)
        machine.stop(at)
        self.ended.append(machine)

    def listed(self) -> list[dict[str, Any]]:
        """Return the machines as amazon.aws lists them."""
        return [
            {
                "instance_id": name,
                "instance_type": "m6a.large",
                "launch_time": each.started.isoformat(),
                "state": {"name": "stopped" if each.stopped else "running"},
                "state_transition_reason": each.reason,
                "tags": {"Class": "ml101", "Students": each.students},
                "block_device_mappings": [{"ebs": {"attach_time": each.made.isoformat()}}],
            }
            for name, each in self.machines.items()
        ]

    def look(self, at: datetime, *, keep: bool = True, max_hours: int = MAX_HOURS) -> Usage:
        """Let a command list the machines."""
        return observe(str(self.folder), self.listed(), disk_gb=DISK_GB, max_hours=max_hours, keep=keep, at=at)

    def metered_hours(self, at: datetime) -> float:
        """Return what AWS would bill."""
        running = sum((at - each.started).total_seconds() for each in self.machines.values() if not each.stopped)
        return (sum(each.metered for each in [*self.machines.values(), *self.ended]) + running) / 3600


@pytest.fixture
def term(tmp_path: Path) -> Term:
    """Return a class that begins."""
    return Term(tmp_path)


def hours(usage: Usage, student: str) -> float:
    """Return for how long a student's machines ran."""
    return sum(seconds for (_, name), seconds in usage.machines.items() if name == student) / 3600


def test_a_week_is_what_aws_meters(term: Term) -> None:
    names = ["ada", "carl", "emmy", "grace", "joan", "lise"]
    for number, name in enumerate(names):
        term.launch(f"i-{number}", name, MONDAY + timedelta(seconds=20 * number))
    term.launch("i-spare", "", MONDAY)
    term.look(MONDAY + timedelta(minutes=4))  # provision, configure
    for day in range(5):
        morning, evening = MONDAY + timedelta(days=day), MONDAY + timedelta(days=day, hours=9, minutes=30)
        if day:
            term.look(morning)
            for each in term.machines.values():
                if each.stopped:
                    each.start(morning + timedelta(minutes=1))
            term.look(morning + timedelta(minutes=3))
        if day == 1:  # Ada's machine is replaced: a new one is launched, the old one ends
            term.launch("i-new", "", morning + timedelta(hours=3))
            term.look(morning + timedelta(hours=3, minutes=2))
            term.end("i-0", morning + timedelta(hours=3, minutes=3))
            term.machines["i-new"].students = "ada"
            term.look(morning + timedelta(hours=3, minutes=4))
        if day == 3:  # nobody stopped them: they stop themselves, twelve hours after they booted, and AWS says no time
            for each in term.machines.values():
                each.stop(each.started + timedelta(hours=MAX_HOURS, seconds=40), "User initiated")
            continue
        term.look(evening)  # stop.yml
        for number, each in enumerate(term.machines.values()):
            each.stop(evening + timedelta(minutes=2, seconds=number))
        term.look(evening + timedelta(minutes=4))
    sunday = MONDAY + timedelta(days=6)
    usage, metered = term.look(sunday), term.metered_hours(sunday)
    assert metered > 300
    assert usage.machine_hours == pytest.approx(metered, rel=0.05)
    assert usage.machine_hours == pytest.approx(metered, rel=0.005)  # so much better than promised
    assert hours(usage, "carl") == pytest.approx(term.machines["i-1"].metered / 3600, rel=0.005)
    ada = sum(each.metered for each in (*term.ended, term.machines["i-new"])) / 3600
    assert hours(usage, "ada") + hours(usage, SPARE) == pytest.approx(
        ada + term.machines["i-spare"].metered / 3600, rel=0.005
    )
    assert sum(usage.disks.values()) / 3600 == pytest.approx(7 * DISK_GB * 6 * 24, rel=0.05)
    assert used(str(term.folder)) == usage


def test_looking_rarely_changes_little(term: Term) -> None:
    """Started and stopped by hand in the console, and seen only once in each run."""
    machine = term.launch("i-1", "ada", MONDAY)
    for day in range(3):
        term.look(MONDAY + timedelta(days=day, hours=1))
        machine.stop(MONDAY + timedelta(days=day, hours=6))
        term.look(MONDAY + timedelta(days=day, hours=20))
        machine.start(MONDAY + timedelta(days=day + 1))
    machine.stop(MONDAY + timedelta(days=3, hours=6))
    assert term.look(MONDAY + timedelta(days=5)).machine_hours == pytest.approx(24)


def test_a_run_that_nobody_saw_the_end_of_ends_when_it_stops_itself(term: Term) -> None:
    machine = term.launch("i-1", "ada", MONDAY)
    term.look(MONDAY + timedelta(hours=1))
    machine.stop(MONDAY + timedelta(hours=11))
    machine.start(MONDAY + timedelta(days=2))
    assert term.look(MONDAY + timedelta(days=2, hours=1)).machine_hours == pytest.approx(MAX_HOURS + 1)


def test_a_machine_that_never_stops_itself_ran_until_it_was_seen_stopped(term: Term) -> None:
    machine = term.launch("i-1", "ada", MONDAY)
    term.look(MONDAY + timedelta(hours=1), max_hours=0)
    machine.stop(MONDAY + timedelta(hours=20), "User initiated")
    assert term.look(MONDAY + timedelta(hours=30), max_hours=0).machine_hours == pytest.approx(30)


class Evening:
    """A timetable by which machines stop at six in the evening."""

    def next_stop(self, after: datetime) -> datetime:
        """Return the next evening."""
        evening = after.replace(hour=18, minute=0)
        return evening if evening > after else evening + timedelta(days=1)


@pytest.mark.parametrize(("max_hours", "ran"), [(12, 11), (0, 11), (8, 8)])
def test_a_machine_ran_until_the_end_of_class_or_until_it_stops_anyway(
    tmp_path: Path, max_hours: int, ran: float
) -> None:
    term = Term(tmp_path)
    machine = term.launch("i-1", "ada", MONDAY)

    def look(hours: float) -> Usage:
        at = MONDAY + timedelta(hours=hours)
        given: Any = {"disk_gb": DISK_GB, "max_hours": max_hours, "timetable": Evening(), "keep": True, "at": at}
        return observe(str(tmp_path), term.listed(), **given)

    look(1)
    machine.stop(MONDAY + timedelta(hours=ran), "User initiated")
    assert look(24).machine_hours == pytest.approx(ran)


def test_a_class_of_before_counts_from_the_last_start(term: Term) -> None:
    machine = term.launch("i-1", "ada", MONDAY)
    machine.stop(MONDAY + timedelta(hours=8))
    machine.start(MONDAY + timedelta(days=7))
    usage = term.look(MONDAY + timedelta(days=7, hours=2))
    assert usage.machine_hours == pytest.approx(2)
    assert usage.since == (MONDAY + timedelta(days=7, hours=2)).timestamp()
    assert sum(usage.disks.values()) / 3600 == pytest.approx(DISK_GB * (7 * 24 + 2))  # AWS knows when it was made


def test_who_shares_a_machine_shares_its_hours_from_then_on(term: Term) -> None:
    machine = term.launch("i-1", "ada", MONDAY)
    term.look(MONDAY + timedelta(hours=2))
    machine.students = "ada - grace"
    term.look(MONDAY + timedelta(hours=2))
    usage = term.look(MONDAY + timedelta(hours=6))
    assert [hours(usage, who) for who in ("ada", "grace")] == pytest.approx([4, 2])


def test_one_that_aws_does_not_list_for_a_moment_is_counted_once(term: Term) -> None:
    machine = term.launch("i-1", "ada", MONDAY)
    term.look(MONDAY + timedelta(hours=1))
    del term.machines["i-1"]
    term.look(MONDAY + timedelta(hours=2))
    term.machines["i-1"] = machine
    assert term.look(MONDAY + timedelta(hours=3)).machine_hours == pytest.approx(3)


def test_a_clock_that_goes_back_takes_nothing_away(term: Term) -> None:
    term.launch("i-1", "ada", MONDAY)
    before = term.look(MONDAY + timedelta(hours=3)).machine_hours
    assert term.look(MONDAY + timedelta(hours=1)).machine_hours == before
    assert term.look(MONDAY + timedelta(hours=4)).machine_hours == pytest.approx(4)


def test_only_what_changed_is_written_and_what_is_there_stays(term: Term) -> None:
    for number in range(40):
        term.launch(f"i-{number}", f"student{number}", MONDAY)
    term.look(MONDAY)
    path = term.folder / ledger.FILE
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    for minute in range(1, 4):
        term.look(MONDAY + timedelta(minutes=minute))
    assert path.read_text().startswith(first)
    assert [json.loads(line)["machines"] for line in path.read_text().splitlines()[1:]] == [{}, {}, {}]


def test_who_only_asks_leaves_no_trace(term: Term) -> None:
    term.launch("i-1", "ada", MONDAY)
    assert term.look(MONDAY + timedelta(hours=2), keep=False).machine_hours == pytest.approx(2)
    assert list(term.folder.iterdir()) == []
    gone = Term(term.folder / "none", term.machines)
    assert gone.look(MONDAY + timedelta(hours=2)).machine_hours == pytest.approx(2)
    assert list(term.folder.iterdir()) == []


@pytest.mark.parametrize(
    "torn", ['{"at": 17', "null", '{"at": 1}', '{"at": 1, "gone": [], "machines": {"i": {}}}', "\0\0"]
)
def test_a_line_that_a_power_cut_tore_is_passed_over(term: Term, torn: str) -> None:
    term.launch("i-1", "ada", MONDAY)
    term.look(MONDAY + timedelta(hours=1))
    path = term.folder / ledger.FILE
    path.write_text(path.read_text() + torn)
    assert term.look(MONDAY + timedelta(hours=2)).machine_hours == pytest.approx(2)
    assert json.loads(path.read_text().splitlines()[-1])["machines"] == {}


def test_a_line_of_a_later_version_is_read(term: Term) -> None:
    term.launch("i-1", "ada", MONDAY)
    term.look(MONDAY + timedelta(hours=1))
    path = term.folder / ledger.FILE
    line = json.loads(path.read_text())
    line["machines"]["i-1"]["gpus"] = 1
    path.write_text(json.dumps(line) + "\n")
    assert term.look(MONDAY + timedelta(hours=2)).machine_hours == pytest.approx(2)
