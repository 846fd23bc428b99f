"""A machine, a home and the way between them, for the tests of students' work."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector

from tests.support.machine_and_home import QUICK, Way, fsck
from tests.support.saving_machine import STUDENT, Desk
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Return a way in memory, whose pauses are short."""
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as base:
        yield Way(Path(base))


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Return a way whose pauses are short; change times cannot be set, so quiet must come soon."""
    monkeypatch.setattr(collector, "QUIET_S", 0.05)
    return Way(tmp_path)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        desk = Desk(Path(folder), username=STUDENT)
        yield desk
        if desk.history().owner():
            assert fsck(desk.history()) == ""
        assert not os.path.exists(desk.student().incoming)


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        yield Path(folder)


@pytest.fixture
def terminal(base: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    return Terminal(base)
