"""A run that ends between a new file and what reads it: the next one takes it up, whenever that was."""

from __future__ import annotations

import getpass
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import (
    class_hours,
    jupyter_services,
    student_accounts,
    system_services,
    work_autosave,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ME = getpass.getuser()
HOURS = ("class-hours.timer", "class-hours.service")


class KilledError(Exception):
    """Where the run ended."""


class Machine(Host):
    """A machine on which all runs: it remembers what was done to units, and ends a run in front of the `last` step."""

    def __init__(self, *, check_mode: bool = False, last: int = -1) -> None:
        """Nothing was done."""
        super().__init__(SimpleNamespace(check_mode=check_mode))
        self.acts: list[str] = []
        self._last = last

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Say that all is well."""
        assert stdin is None
        if argv[0] == "systemctl" and not argv[1].startswith("is-"):
            if len(self.acts) == self._last:
                raise KilledError
            self.acts.append(" ".join(argv))
        return subprocess.CompletedProcess(argv, 0, "", "")


def hours(host: Host, _: Path) -> None:
    """Have the machine stop itself when class ends."""
    class_hours.work(host, {"calendar": ["Mon 10:00"], "units": dict.fromkeys(HOURS, "[Unit]\n"), "files": {}})


def autosave(host: Host, _: Path) -> None:
    """Save the work of two students."""
    work_autosave.timers(host, ["ada", "grace"], dict.fromkeys(("my-work@.timer", "my-work@.service"), "[Unit]\n"))


def system(host: Host, _: Path) -> None:
    """Have the system upgrade itself at night."""
    timers = dict.fromkeys(("apt-daily.timer", "apt-daily-upgrade.timer"), "[Timer]\n")
    units = {"class-host-keys.service": "[Unit]\n"}
    system_services.work(host, {"time_zone": "UTC", "files": {}, "at_boot": units, "timers": timers})


def jupyter(host: Host, folder: Path) -> None:
    """Run one student's Jupyter."""
    units = dict.fromkeys(("jupyter@.service", "jupyter-port@.socket", "jupyter-port@.service"), "[Unit]\n")
    given = {"ports": {ME: 8888}, "tokens": {ME: "token"}, "units": units, "files": {}, "timeout": 1}
    jupyter_services.work(host, given | {"state_directory": str(folder / "state")})


@pytest.fixture(autouse=True)
def machine_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine be below `tmp_path`, and its Jupyter answer."""
    (tmp_path / "units").mkdir()
    for job in (class_hours, work_autosave, system_services, jupyter_services):
        monkeypatch.setattr(job, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(jupyter_services, "is_ready", lambda *_: True)
    monkeypatch.setattr(jupyter_services, "answer", lambda *_: "200")
    monkeypatch.setattr(jupyter_services, "forget_logins", lambda _: None)
    monkeypatch.setattr(Host, "_attributes", lambda *_, **__: False)
    monkeypatch.setattr("shutil.chown", lambda *_, **__: None)


@pytest.mark.parametrize(
    ("job", "steps"),
    [
        (hours, ["systemctl daemon-reload", "systemctl restart class-hours.timer"]),
        (
            autosave,
            ["systemctl daemon-reload", "systemctl restart my-work@ada.timer", "systemctl restart my-work@grace.timer"],
        ),
        (
            system,
            [
                "systemctl daemon-reload",
                "systemctl try-restart apt-daily.timer",
                "systemctl try-restart apt-daily-upgrade.timer",
            ],
        ),
        (
            jupyter,
            [
                "systemctl daemon-reload",
                f"systemctl stop jupyter-port@{ME}.service",
                f"systemctl restart jupyter-port@{ME}.socket",
                f"systemctl restart jupyter@{ME}.service",
            ],
        ),
    ],
)
def test_what_was_not_taken_up_is_in_the_next_run(
    job: Callable[[Host, Path], None], steps: list[str], tmp_path: Path
) -> None:
    for last in range(len(steps)):
        for path in (tmp_path / "units").rglob("*"):
            if path.is_file():
                path.unlink()
        with pytest.raises(KilledError):
            job(Machine(last=last), tmp_path)
        asked, again, third = Machine(check_mode=True), Machine(), Machine()
        job(asked, tmp_path)
        assert asked.changes, last
        assert asked.acts == []
        job(again, tmp_path)
        assert again.acts == steps, last
        job(third, tmp_path)
        assert (third.acts, third.changes) == ([], [])


def test_sshd_reads_what_a_run_before_has_laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_up: list[tuple[bool, bool]] = []

    def listen(_: Host, __: str, *, changed: bool, units: bool) -> None:
        taken_up.append((changed, units))
        if len(taken_up) == 1:
            raise KilledError

    monkeypatch.setattr(ssh_service, "listen", listen)
    monkeypatch.setattr(student_accounts, "hide_processes", lambda _: False)
    monkeypatch.setattr(student_accounts, "accounts", lambda *_: None)
    monkeypatch.setattr(student_accounts, "folders", lambda *_: None)
    given = {
        "password_hashes": {},
        "group": "students",
        "project_directory": str(tmp_path),
        "sshd_config": "Port 22\n",
        "sshd_config_file": str(tmp_path / "class.conf"),
        "sshd_where_known": [],
        "sshd_leaves_ports_to": "",
        "sshd_only_kept": [],
    }
    with pytest.raises(KilledError):
        student_accounts.work(Machine(), given)
    student_accounts.work(Machine(check_mode=True), given)
    student_accounts.work(Machine(), given)
    student_accounts.work(Machine(), given)
    assert taken_up == [(True, False), (True, False), (True, False), (False, False)]
