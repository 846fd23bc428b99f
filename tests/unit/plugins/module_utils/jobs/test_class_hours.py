"""What the job does to a machine's timers: laid, changed in the term, taken out again, and a machine that has none."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import class_hours

RELOAD = "systemctl daemon-reload"
NEVER: dict[str, Any] = {"calendar": []}


class EndedError(Exception):
    """The job has refused."""


class Machine(Host):
    """A machine whose systemd knows the calendar, and which timers are enabled; it remembers what was done."""

    def __init__(self, enabled: set[str], *, check_mode: bool = False) -> None:
        """Nothing was done."""
        super().__init__(SimpleNamespace(check_mode=check_mode, fail_json=self._end))
        self.enabled = enabled
        self.acts: list[str] = []

    def _end(self, *, msg: str, **_: object) -> None:
        raise EndedError(msg)

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Answer as systemd does."""
        assert stdin is None
        if argv[0] == "systemd-analyze":
            return subprocess.run(argv, capture_output=True, text=True, check=False)
        unit = argv[-1]
        if argv[1] in ("is-enabled", "is-active"):
            return subprocess.CompletedProcess(argv, int(unit not in self.enabled), "", "")
        if argv[1] == "start":
            self.enabled.add(unit)
        if argv[1] == "disable":
            self.enabled.remove(unit)
        self.acts.append(" ".join(argv))
        return subprocess.CompletedProcess(argv, 0, "", "")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the arguments, for a machine below `tmp_path`."""
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(class_hours, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(Host, "_attributes", lambda *_, **__: False)
    monkeypatch.setattr("shutil.chown", lambda *_, **__: None)
    return {
        "calendar": ["Mon,Wed *-*-* 18:00:00 Europe/Berlin", "2027-03-28 01:30:00 UTC"],
        "units": {"stop.service": "[Service]\n", "stop.timer": "[Timer]\n", "tell.timer": "[Timer]\n"},
        "files": {f"{tmp_path}/lib/tell.py": "print()\n"},
    }


def test_check_mode_promises_what_is_done_and_a_second_run_does_nothing(given: dict[str, Any]) -> None:
    enabled: set[str] = set()
    promised, done, again = Machine(enabled, check_mode=True), Machine(enabled), Machine(enabled)
    class_hours.work(promised, given)
    assert promised.acts == []
    class_hours.work(done, given)
    assert promised.changes == done.changes
    assert done.acts[0] == RELOAD
    assert enabled == {"stop.timer", "tell.timer"}
    class_hours.work(again, given)
    assert (again.changes, again.acts) == ([], [])


def test_of_a_timetable_that_is_changed_only_the_timer_that_changed_begins_anew(given: dict[str, Any]) -> None:
    enabled: set[str] = set()
    class_hours.work(Machine(enabled), given)
    given["units"]["stop.timer"] += "OnCalendar=Fri *-*-* 12:30:00 Europe/Berlin\n"
    later = Machine(enabled)
    class_hours.work(later, given)
    assert later.acts == [RELOAD, "systemctl restart stop.timer"]


def test_a_timetable_that_is_taken_out_leaves_nothing(given: dict[str, Any], tmp_path: Path) -> None:
    enabled: set[str] = set()
    class_hours.work(Machine(enabled), given)
    promised, done, again = Machine(enabled, check_mode=True), Machine(enabled), Machine(enabled)
    class_hours.work(promised, given | NEVER)
    assert enabled == {"stop.timer", "tell.timer"}
    class_hours.work(done, given | NEVER)
    assert promised.changes == done.changes
    assert {"stopped stop.timer", "stopped tell.timer"} < set(done.changes)
    assert done.acts[-1] == RELOAD
    assert enabled == set()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    class_hours.work(again, given | NEVER)
    assert (again.changes, again.acts) == ([], [])


def test_a_run_that_was_killed_while_it_took_things_away_is_completed(given: dict[str, Any], tmp_path: Path) -> None:
    enabled: set[str] = set()
    class_hours.work(Machine(enabled), given)
    enabled.clear()
    (tmp_path / "units/stop.timer").unlink()
    later = Machine({"tell.timer"})
    class_hours.work(later, given | NEVER)
    assert "stopped tell.timer" in later.changes
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_machine_of_a_class_without_a_timetable_is_left_alone(given: dict[str, Any]) -> None:
    asked = Machine(set(), check_mode=True)
    class_hours.work(asked, given | NEVER)
    assert (asked.changes, asked.needs, asked.acts) == ([], [], [])


def test_hours_that_the_machine_cannot_keep_are_refused_before_anything_changes(given: dict[str, Any]) -> None:
    machine = Machine(set())
    given["calendar"] = ["Mon *-*-* 18:00:00 US/Middle"]
    words = r"(?s)cannot keep the hours of the class: .*US/Middle.*zone of class_timetable"
    with pytest.raises(EndedError, match=words):
        class_hours.work(machine, given)
    assert machine.changes == []
