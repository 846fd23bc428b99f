"""What a machine has left, and how long it has run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import health


@pytest.mark.parametrize(
    ("blocks", "percent"),
    [((1000, 600, 500), 45), ((1000, 50, 0), 100), ((1000, 1000, 950), 0), ((0, 0, 0), 0)],
    ids=["what only root may use is no room", "full", "empty", "no disk at all"],
)
def test_a_disk_is_as_full_as_df_says(
    blocks: tuple[int, int, int], percent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statvfs(_: str) -> Any:
        return SimpleNamespace(f_blocks=blocks[0], f_bfree=blocks[1], f_bavail=blocks[2])

    monkeypatch.setattr(os, "statvfs", statvfs)
    assert health.disk_percent("/") == percent


def test_processes_that_ended_for_memory_are_counted_by_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CGROUPS", str(tmp_path))
    service = tmp_path / "system-jupyter.slice/jupyter@ada.service"
    service.mkdir(parents=True)
    (service / "memory.events").write_text("low 0\nhigh 0\nmax 812\noom 3\noom_kill 2\noom_group_kill 0\n")
    assert health.ended_for_memory("jupyter", "ada") == 2
    assert health.ended_for_memory("jupyter", "grace") == 0


def test_a_machine_has_run_for_as_long_as_its_first_process() -> None:
    said = subprocess.run(["ps", "-o", "etimes=", "-p", "1"], capture_output=True, text=True, check=True).stdout
    assert health.seconds_since_boot() == pytest.approx(int(said), abs=2)
