"""What a class costs: what its commands remember."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.rooms import HERE

if TYPE_CHECKING:
    from tests.support.desk import Desk
    from tests.support.rooms import Rooms


def ledger(desk: Desk) -> list[dict[str, Any]]:
    """Return the lines of the ledger."""
    path = desk.home / "class/running_hours.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_each_command_remembers_which_machines_run_until_the_class_has_ended(desk: Desk, rooms: Rooms) -> None:
    machine = rooms.add("ada")
    (desk.home / "class").mkdir(mode=0o700)
    assert desk.play(f"{HERE} status.yml --check", timeout=900).code == 0
    assert ledger(desk) == []
    assert desk.play(f"{HERE} status.yml", timeout=900).code == 0
    assert [list(line["machines"]) for line in ledger(desk)] == [[machine]]
    shown = desk.play_tasks({"role": "machines", "tasks_from": "delete_resources"}, machines_timeout=10)
    assert shown.code == 0, shown.text
    assert ledger(desk) == []
    (kept,) = (desk.home / "class").glob("running_hours.until-*.jsonl")
    assert len(kept.read_text().splitlines()) == 1
