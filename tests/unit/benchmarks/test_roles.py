"""Tools are only compared where they leave machines in the same state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.parts.roles import END_STATE, ROLES, UNDO, different
from tools import PROJECT


def test_a_difference_is_named_with_its_machine_and_who_has_it() -> None:
    ours = {"ours-001": ["a", "b"], "ours-002": ["a"]}
    assert different(ours, {"ours-001": ["a", "c"], "ours-002": ["a"]}) == ["ours-001 - b", "ours-001 + c"]
    assert not different(ours, ours)


def end_state(folder: Path) -> dict[str, list[str]]:
    """Read the end state of this machine, with the files of one folder alone."""
    command = [sys.executable, "-c", END_STATE, str(folder)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"here": said.splitlines()}


def test_another_content_or_mode_is_another_end_state_and_another_time_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    file.chmod(0o644)
    before = end_state(tmp_path)
    file.write_text("one")
    assert not different(before, end_state(tmp_path))
    file.chmod(0o600)
    assert len(different(before, end_state(tmp_path))) == 2
    file.chmod(0o644)
    file.write_text("two")
    assert len(different(before, end_state(tmp_path))) == 2


@pytest.mark.parametrize("role", ROLES)
def test_every_tool_has_every_role_and_it_can_be_undone(role: str) -> None:
    subprocess.run(["sh", "-n"], input=UNDO[role], text=True, check=True)
    assert (PROJECT / f"benchmarks/conventional/roles/{role}/tasks/main.yml").exists()
    compile((PROJECT / f"benchmarks/pyinfra/{role}.py").read_text(), role, "exec")
