"""Bringing the work of a machine's students home: one student's trouble here is not the others'."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.action.work_collect import ActionModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import History, Owner

ADDRESSES = {"ada": "ada@example.com", "grace": "grace@example.com"}


class Collect(ActionModule):
    """The action for a machine on which nobody has anything."""

    def __init__(self, home: Path) -> None:
        """Begin; ada's address was another before."""
        given = {
            "students": [*ADDRESSES],
            "class_name": "ml101",
            "addresses": ADDRESSES,
            "former_addresses": {"ada": ["ada@example.org"]},
            "home": str(home),
            "fail_unverified": False,
        } | dict.fromkeys(("source", "store", "homes"), "/nowhere")
        self._task = SimpleNamespace(args=given, async_val=0, check_mode=False)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        self.asked: list[str] = []

    def _execute_module(self, *_: Any, module_args: dict[str, Any], **__: Any) -> dict[str, Any]:
        self.asked = [student["username"] for student in module_args["students"]]
        nothing = {"missing": True, "outside": [], "autosaved": {"reason": "", "saved": []}}
        return {"students": [nothing | {"username": username} for username in self.asked]}


@pytest.fixture
def collect(tmp_path: Path) -> Collect:
    """Return a collect, before which ada's work is that of her former address."""
    History(str(tmp_path / ".history/ada.git")).make(Owner("ml101", "ada@example.org"))
    return Collect(tmp_path)


def reasons(result: dict[str, Any]) -> dict[str, str]:
    """Return why work is not at home, by username."""
    assert not result.get("failed")
    return {each["username"]: each["reason"] for each in result["work"] if not each["verified"]}


def test_a_new_address_for_which_there_is_no_room_is_that_students_trouble_alone(
    collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, _: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(records, "write_json", full)
    (why,) = reasons(collect.run()).items()
    assert why[0] == "ada"
    assert "on this control node is full (No space left on device)" in why[1]
    assert collect.asked == ["grace"]
    monkeypatch.undo()
    assert reasons(collect.run()) == {}
    assert collect.asked == ["ada", "grace"]


def test_what_cannot_be_tidied_up_is_that_students_trouble_alone(collect: Collect, tmp_path: Path) -> None:
    in_the_way = tmp_path / ".history/ada.git/refs/heads/main.lock"
    in_the_way.mkdir()
    (why,) = reasons(collect.run()).values()
    assert why.startswith(f"{in_the_way}: ")
    assert collect.asked == ["grace"]
