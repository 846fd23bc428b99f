"""What a machine saves of a student's folder, and how much of it it keeps."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import autosave, collector
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import CommandError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Version

from tests.support.machine_and_home import fsck
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from typing import BinaryIO


def test_only_new_work_makes_a_version(terminal: Terminal) -> None:
    assert terminal.save(essay="x")
    assert not terminal.save()
    os.utime(terminal.folder / "essay.txt", (1, 1))
    assert not terminal.save()
    assert terminal.save(essay="y")


def test_files_too_large_are_not_saved_and_the_rest_is(terminal: Terminal) -> None:
    (terminal.folder / "model.bin").write_bytes(os.urandom((1 << 20) + 1))
    terminal.save(essay="x")
    with pytest.raises(CommandError, match=r"model.bin was never saved.*files up to 1 MB"):
        terminal.back("model.bin")
    assert terminal.own().versions("essay.txt")


def test_a_file_that_changes_while_it_is_saved_is_looked_at_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, rest = secure_files.reader, ["later"]

    def meanwhile(root: int, path: str) -> BinaryIO:
        if rest:
            (terminal.folder / path).write_text(rest.pop())
        return real(root, path)

    with monkeypatch.context() as busy:
        busy.setattr(autosave, "reader", meanwhile)
        terminal.save(essay="at first")
    (terminal.folder / "essay.txt").unlink()
    assert (terminal.folder / terminal.back("essay.txt")).read_text() == "later"
    assert fsck(terminal.saving.history) == ""


def test_old_versions_go_but_one_of_each_day() -> None:
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)
    versions = [Version(str(hour), start - timedelta(hours=hour), "Saved") for hour in range(0, 96, 6)]
    kept = autosave.wanted(versions, start - timedelta(days=1))
    assert [int(version.commit) for version in kept] == [0, 6, 12, 18, 24, 42, 66, 90]


def test_a_history_that_is_too_large_loses_its_older_half(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    terminal = Terminal(base, most_mb=1)
    for number in range(8):
        (terminal.folder / "plot.bin").write_bytes(os.urandom(300_000))
        terminal.save(number=str(number))
    versions = terminal.own().versions("number.txt")
    assert 1 < len(versions) < 8
    assert autosave.size_of(terminal.saving.history.path) < 2 << 20
    assert fsck(terminal.saving.history) == ""
    assert (terminal.folder / terminal.back("number.txt", str(len(versions)))).read_text() == str(8 - len(versions))


def test_a_full_disk_is_named_and_nothing_is_lost(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.save(essay="x")
    with monkeypatch.context() as full:
        full.setattr(autosave, "SPARE_BYTES", 1 << 60)
        with pytest.raises(CommandError, match="the disk is nearly full"):
            terminal.save(essay="y")
    assert terminal.save()
