"""What is remembered of machines that stopped saves a start later, and keeps nothing from being done now."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.action.stop_records import ActionModule

from tests.support.instances import instance, work


class Remember(ActionModule):
    """The action for one machine that stopped with all its students' work at home."""

    def __init__(self, home: Path, students: str) -> None:
        """Begin."""
        given = {
            "instances": [instance("ml101-001", students, "stopped") | {"launch_time": "2026-03-02T08:00:00+00:00"}],
            "collected": {"i-ml101-001": [work(username) for username in students.split()]},
            "home": str(home),
            "class_name": "ml101",
            "addresses": {},
        }
        self._task = SimpleNamespace(args=given, async_val=0, check_mode=False)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))


def remember(home: Path, students: str = "ada") -> dict[str, Any]:
    """Remember one machine."""
    result: dict[str, Any] = Remember(home, students).run()
    assert not result.get("failed")
    return result


def test_it_is_remembered_once(tmp_path: Path) -> None:
    path = str(tmp_path / ".at-rest/i-ml101-001.json")
    assert remember(tmp_path) == {"changed": True, "paths": [path]}
    assert remember(tmp_path) == {"changed": False, "paths": []}


@pytest.mark.parametrize(("students", "words"), [("ada", "Not a directory"), ("a/b", "'a/b' is no username")])
def test_what_cannot_be_remembered_is_only_warned_of(tmp_path: Path, students: str, words: str) -> None:
    """As on a full disk; what follows takes names from addresses that were given back."""
    (tmp_path / ".at-rest").write_text("in the way")
    result = remember(tmp_path, students)
    assert (result["changed"], result["paths"]) == (False, [])
    (warning,) = result["warnings"]
    assert warning.startswith(f"{tmp_path}: which machines stopped with all work at home cannot be remembered ({words}")
