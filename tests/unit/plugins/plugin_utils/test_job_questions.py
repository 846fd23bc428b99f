"""What is looked at on this computer before a machine is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.job_questions import question

from tests.support.machine_and_home import Way


def test_a_damaged_history_at_home_is_the_roles_to_tell(tmp_path: Path) -> None:
    way = Way(tmp_path)
    for day in ("Monday", "Tuesday"):
        (way.machine / "essay.txt").write_text(day)
        way.collect()
    arguments = {
        "source": str(way.machine.parent),
        "store": str(way.store),
        "home": str(way.home),
        "class_name": way.class_name,
        "students": [way.username],
        "addresses": {way.username: way.email},
    }
    students = [{"username": way.username, "name": "restored"}]
    assert question("work_restore", arguments, str)["students"] == students
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
        question("work_restore", arguments, str)
