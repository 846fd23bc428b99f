"""Every role has a scenario, and what they say becomes a line and a JUnit case."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tools import PROJECT, molecule_scenarios
from tools.molecule_scenarios import Outcome, scenarios, write_report


def test_every_role_has_a_scenario_that_ci_runs() -> None:
    roles = {path.name for path in (PROJECT / "roles").iterdir()}
    assert set(scenarios()) == {"class", "front_removed", *roles}


def test_the_longest_begin_first() -> None:
    assert scenarios()[:2] == ["class", "conda"]


def test_a_failure_is_shown_with_its_last_words_and_kept_whole(tmp_path: Path) -> None:
    said = "\n".join(["first words", *["…"] * 100, "last words"])
    passed = Outcome("ours", 61.4, passed=True, said="fine", log=tmp_path / "ours.log")
    failed = Outcome("theirs", 5.0, passed=False, said=said, log=tmp_path / "theirs.log")
    assert str(passed) == "ours: passed in 61 s"
    assert "last words\ntheirs: FAILED after 5 s" in str(failed)
    assert "first words" not in str(failed)
    write_report(tmp_path / "of.xml", [passed, failed])
    report = (tmp_path / "of.xml").read_text()
    assert 'tests="2" failures="1"' in report
    assert "first words" in report


def test_after_an_interrupt_no_other_scenario_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begun: list[str] = []

    def run(name: str, project: Path) -> Outcome:
        begun.append(name)
        if name == "breaks":
            time.sleep(0.2)  # until all of them wait for their turn
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # as a terminal does
        time.sleep(0.5)
        return Outcome(name, 0.5, passed=True, said="", log=project)

    monkeypatch.setattr(molecule_scenarios, "run", run)
    monkeypatch.setattr(sys, "argv", ["bin/molecule", "--project", str(tmp_path), "breaks", "runs", "waits", "too"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # also where these tests run in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            molecule_scenarios.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert begun == ["breaks", "runs"]
