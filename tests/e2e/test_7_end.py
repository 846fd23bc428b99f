"""The end: the work of those who shared machines comes home too, and nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.commands import TEARDOWN, command, play
from tests.support.traces import traces
from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path


def test_shared_machines_give_everybodys_work_and_go(home: Path) -> None:
    play(f"{TEARDOWN} -e class_work_home={home}")
    assert "running" not in command(".venv/bin/python -m lab status").stdout


def test_the_lab_leaves_nothing_behind(before: dict[str, set[str]]) -> None:
    command("make lab-down")
    assert {kind: found - before[kind] for kind, found in traces().items()} == {kind: set() for kind in before}
    assert not (PROJECT / "lab/state").exists()
