"""What the job does to units that run, and what it leaves alone in check mode."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import jupyter_services

ME = getpass.getuser()
LOOKS = {"is-enabled", "is-active"}


class Machine(Host):
    """A machine on which every unit runs; it remembers what was done to them."""

    def __init__(self, *, check_mode: bool) -> None:
        """Nothing was done."""
        super().__init__(SimpleNamespace(check_mode=check_mode))
        self.acts: list[str] = []

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Say that all is well, and remember what is more than a look."""
        assert stdin is None
        if argv[1] not in LOOKS:
            self.acts.append(" ".join(argv))
        return subprocess.CompletedProcess(argv, 0, "", "")


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the arguments for one student, whose Jupyter answers, on a machine below `tmp_path`."""
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(jupyter_services, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(jupyter_services, "is_ready", lambda *_: True)
    monkeypatch.setattr(jupyter_services, "answer", lambda *_: "200")
    monkeypatch.setattr(jupyter_services, "forget_logins", lambda _: None)
    monkeypatch.setattr(Host, "_attributes", lambda *_, **__: False)
    monkeypatch.setattr("shutil.chown", lambda *_, **__: None)
    return {
        "ports": {ME: 8888},
        "tokens": {ME: "token"},
        "units": dict.fromkeys(("jupyter@.service", "jupyter-port@.socket", "jupyter-port@.service"), "[Unit]\n"),
        "files": {},
        "state_directory": str(tmp_path / "state"),
        "timeout": 1,
    }


def test_a_port_that_moves_is_let_go_of_first_but_not_in_check_mode(given: dict[str, Any]) -> None:
    jupyter_services.work(Machine(check_mode=False), given)
    given["ports"] = {ME: 8889}
    checked, done = Machine(check_mode=True), Machine(check_mode=False)
    jupyter_services.work(checked, given)
    jupyter_services.work(done, given)
    assert checked.acts == []
    assert done.acts == [
        "systemctl daemon-reload",
        f"systemctl stop jupyter-port@{ME}.service",
        f"systemctl restart jupyter-port@{ME}.socket",
    ]
    assert checked.changes == done.changes


def test_with_a_token_goes_what_it_has_opened_and_a_run_that_was_killed_is_finished(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    jupyter_services.work(Machine(check_mode=False), given)
    forgotten: list[str] = []
    monkeypatch.setattr(jupyter_services, "forget_logins", forgotten.append)
    jupyter_services.work(Machine(check_mode=False), given)
    assert forgotten == []
    given["tokens"] = {ME: "another"}
    jupyter_services.work(Machine(check_mode=True), given)
    assert forgotten == []
    done = Machine(check_mode=False)
    jupyter_services.work(done, given)
    assert (forgotten, done.acts) == ([ME], [f"systemctl restart jupyter@{ME}.service"])
    # The file is new already, and the server takes the one of before.
    monkeypatch.setattr(jupyter_services, "answer", lambda *_: "403")
    later = Machine(check_mode=False)
    jupyter_services.work(later, given)
    assert (forgotten, later.acts) == ([ME, ME], [f"systemctl restart jupyter@{ME}.service"])


def test_in_check_mode_a_silent_jupyter_is_a_need_but_none_is_waited_for(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    jupyter_services.work(Machine(check_mode=False), given)
    for ready, needs in ((True, []), (False, [f"the Jupyter of {ME} does not answer"])):
        monkeypatch.setattr(jupyter_services, "is_ready", lambda *_, ready=ready: ready)
        checked = Machine(check_mode=True)
        jupyter_services.work(checked, given)
        assert (checked.changes, checked.needs, checked.acts) == ([], needs, [])
