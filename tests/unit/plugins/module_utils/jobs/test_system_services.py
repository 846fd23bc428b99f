"""What the job does to the system's timers, and what it refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import system_services

RELOAD = "systemctl daemon-reload"


class EndedError(Exception):
    """The job has refused."""


class Machine(Host):
    """A machine without timers, on which units are not enabled until they are; it remembers what was done."""

    def __init__(self, enabled: set[str], *, check_mode: bool = False) -> None:
        """Nothing was done."""
        super().__init__(SimpleNamespace(check_mode=check_mode, fail_json=self._end))
        self.enabled = enabled
        self.acts: list[str] = []

    def _end(self, *, msg: str, **_: object) -> None:
        raise EndedError(msg)

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Answer as systemctl does."""
        assert stdin is None
        unit = argv[-1]
        if argv[1] == "is-enabled":
            return subprocess.CompletedProcess(argv, int(unit not in self.enabled), "", "")
        if argv[1] == "enable":
            self.enabled.add(unit)
        self.acts.append(" ".join(argv))
        return subprocess.CompletedProcess(argv, 5 if argv[1] == "try-restart" else 0, "", "there is no such unit")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the arguments, for a machine below `tmp_path`."""
    for folder in ("units", "zones/Europe"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "zones/Europe/Berlin").touch()
    monkeypatch.setattr(system_services, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(system_services, "TIME_ZONES", str(tmp_path / "zones"))
    monkeypatch.setattr(Host, "_attributes", lambda *_, **__: False)
    monkeypatch.setattr("shutil.chown", lambda *_, **__: None)
    return {
        "at_boot": {"keys.service": "[Service]\n"},
        "timers": {"one.timer": "[Timer]\n", "two.timer": "[Timer]\n"},
        "time_zone": "Europe/Berlin",
        "files": {f"{tmp_path}/etc/some.d/class.conf": "1\n"},
    }


def test_check_mode_promises_what_is_done_and_a_second_run_does_nothing(given: dict[str, Any]) -> None:
    enabled: set[str] = set()
    promised, done, again = Machine(enabled, check_mode=True), Machine(enabled), Machine(enabled)
    system_services.work(promised, given)
    assert promised.acts == []
    system_services.work(done, given)
    assert promised.changes == done.changes
    assert {"enabled keys.service", "restarted one.timer", "restarted two.timer"} < set(done.changes)
    assert done.acts[0] == RELOAD
    system_services.work(again, given)
    assert (again.changes, again.acts) == ([], [])


def test_only_a_timer_whose_time_changed_begins_anew(given: dict[str, Any]) -> None:
    enabled: set[str] = set()
    system_services.work(Machine(enabled), given)
    given["timers"]["two.timer"] += "Persistent=false\n"
    later = Machine(enabled)
    system_services.work(later, given)
    assert later.acts == [RELOAD, "systemctl try-restart two.timer"]


@pytest.mark.parametrize("time_zone", ["Europe/Berln", "Europe", ""])
def test_a_time_zone_that_does_not_exist_is_refused_before_anything_changes(
    given: dict[str, Any], time_zone: str
) -> None:
    machine = Machine(set())
    with pytest.raises(EndedError, match=r"Set class_time_zone in group_vars/all/class.yml"):
        system_services.work(machine, {**given, "time_zone": time_zone})
    assert machine.changes == []


def test_utc_needs_no_database(given: dict[str, Any]) -> None:
    system_services.work(Machine(set()), {**given, "time_zone": "UTC"})
