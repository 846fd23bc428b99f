"""What is done to keep students out of a machine, and what is not done twice or in check mode."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import accounts
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.modules import student_lockout

ENABLED = ["jupyter@ada.service", "my-work@ada.timer"]


class Machine(Host):
    """A machine that is only remembered: which units are active or enabled, and whose processes run."""

    def __init__(self, *, check_mode: bool = False) -> None:
        """Ada's Jupyter runs, her work is saved every few minutes, and there is a process of hers."""
        self.check_mode, self.changes = check_mode, []
        self.units = {"is-active": {"jupyter@ada.service"}, "is-enabled": {*ENABLED}}
        self.processes = {"ada"}
        self.done_: list[list[str]] = []

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Answer from memory."""
        assert stdin is None
        self.done_.append(list(argv))
        match list(argv):
            case ["systemctl", "is-active" | "is-enabled" as what, _, unit]:
                good = unit in self.units[what]
            case ["pgrep", _, username]:
                good = username in self.processes
            case ["systemctl", "stop", *units]:
                good, self.units["is-active"] = True, self.units["is-active"] - {*units}
            case ["systemctl", "disable", "--now", _, unit]:
                good, self.units["is-enabled"] = True, self.units["is-enabled"] - {unit}
            case ["pkill", _, _, username]:
                good, self.processes = True, self.processes - {username}
            case _:
                good = True
        return subprocess.CompletedProcess(argv, 0 if good else 1, "", "")


def out(machine: Machine, *, permanently: bool) -> list[str]:
    """Keep ada out; return what was changed."""
    machine.changes = []
    student_lockout.close_account(machine, "ada")
    student_lockout.stop_jupyter(machine, "ada")
    if permanently:
        student_lockout.stay_off(machine, "ada")
    student_lockout.end_processes(machine, "ada")
    return machine.changes


def test_a_student_is_out_and_once_out_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, expires = Machine(), {"ada": ""}
    monkeypatch.setattr(student_lockout, "expiry", expires.get)
    assert out(machine, permanently=False) == [
        "closed the account of ada",
        "stopped the Jupyter of ada",
        "ended the sessions of ada",
    ]
    assert ["usermod", "--expiredate", "1", "ada"] in machine.done_
    expires["ada"] = accounts.EXPIRED
    assert out(machine, permanently=False) == []
    assert out(machine, permanently=True) == [f"disabled {unit}" for unit in ENABLED]
    assert out(machine, permanently=True) == []


def test_check_mode_says_the_same_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(check_mode=True)
    monkeypatch.setattr(student_lockout, "expiry", {"ada": ""}.get)
    assert len(out(machine, permanently=True)) == 5
    assert machine.processes == {"ada"}
    assert machine.units == {"is-active": {"jupyter@ada.service"}, "is-enabled": {*ENABLED}}
