"""What is looked at on this computer before a machine is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.job_questions import NeededError, question

from tests.support.machine_and_home import Way


def restoring(way: Way) -> dict[str, Any]:
    """Return the arguments of the task that brings her work back."""
    return {
        "source": str(way.machine.parent),
        "store": str(way.store),
        "home": str(way.home),
        "class_name": way.class_name,
        "students": [way.username],
        "addresses": {way.username: way.email},
    }


def test_a_machine_is_told_that_the_work_went_on_elsewhere(tmp_path: Path) -> None:
    way = Way(tmp_path)
    (way.machine / "essay.txt").write_text("Monday")
    way.collect()
    way.student().goes_on_at("i-2")
    for machine, elsewhere in ({}, False), ({"machine": "i-2"}, False), ({"machine": "i-1"}, True):
        assert question("work_restore", restoring(way) | machine, str)["students"] == [
            {"username": way.username, "name": "restored", "elsewhere": elsewhere}
        ]


def test_a_damaged_history_at_home_is_the_roles_to_tell(tmp_path: Path) -> None:
    way = Way(tmp_path)
    for day in ("Monday", "Tuesday"):
        (way.machine / "essay.txt").write_text(day)
        way.collect()
    question("work_restore", restoring(way), str)
    history = way.student().history
    _, first = history.versions()
    packed = Path(history.path, "objects", first.commit[:2], first.commit[2:])
    if not packed.exists():  # in a pack then
        for pack in sorted(Path(history.path, "objects/pack").glob("*.pack")):
            moved = pack.rename(tmp_path / pack.name)
            with moved.open("rb") as content:
                subprocess.run(["git", "-C", history.path, "unpack-objects", "-q"], stdin=content, check=True)
    packed.unlink()
    with pytest.raises(HistoryError):
        question("work_restore", restoring(way), str)


def test_where_the_work_bears_an_address_of_before_the_role_has_to_see_to_it(tmp_path: Path) -> None:
    way = Way(tmp_path)
    (way.machine / "essay.txt").write_text("mine")
    way.collect()
    arguments = restoring(way) | {"addresses": {way.username: "ada@example.net"}}
    assert question("work_restore", arguments, str)  # a namesake, who is asked as anybody else
    with pytest.raises(NeededError, match="the address of ada has changed"):
        question("work_restore", arguments | {"former_addresses": {way.username: [way.email]}}, str)
