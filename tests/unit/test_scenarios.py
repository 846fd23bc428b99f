"""Every role has a scenario, and what they say becomes a line and a JUnit case."""

from __future__ import annotations

from pathlib import Path

from tools.roles import PROJECT
from tools.scenarios import Outcome, junit, scenarios


def test_every_role_has_a_scenario_that_ci_runs() -> None:
    roles = {path.name for path in (PROJECT / "roles").iterdir()}
    assert set(scenarios()) == {"class", *roles}


def test_the_longest_begin_first() -> None:
    assert scenarios()[:2] == ["class", "conda"]


def test_a_failure_is_shown_with_its_last_words_and_kept_whole(tmp_path: Path) -> None:
    said = "\n".join(["first words", *["…"] * 100, "last words"])
    passed = Outcome("ours", 61.4, passed=True, said="fine", log=tmp_path / "ours.log")
    failed = Outcome("theirs", 5.0, passed=False, said=said, log=tmp_path / "theirs.log")
    assert str(passed) == "ours: passed in 61 s"
    assert "last words\ntheirs: FAILED after 5 s" in str(failed)
    assert "first words" not in str(failed)
    junit([passed, failed]).write(tmp_path / "of.xml", encoding="utf-8")
    report = (tmp_path / "of.xml").read_text()
    assert 'tests="2" failures="1"' in report
    assert "first words" in report
