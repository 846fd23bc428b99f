"""Which machines need not be started to know that all on them is at home."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.stopped_machines import (
    stop_records,
    stopped_machines,
)

from tests.support.machine_and_home import Way, old

ADDRESSES = {"ada": "ada@example.com", "grace": "grace@example.com"}
SINCE, LATER = "2026-03-02T08:00:00+00:00", "2026-03-03T08:00:00+00:00"


def machine(state: str = "stopped", launched: str = SINCE, students: str = "ada grace") -> dict[str, Any]:
    tags = {"Name": "ml101-001", "Students": students}
    return {"instance_id": "i-1", "state": {"name": state}, "launch_time": launched, "tags": tags}


def work(username: str, *, verified: bool = True) -> dict[str, Any]:
    return {"username": username, "verified": verified}


def stop(home: Path, stopped: dict[str, Any], *works: dict[str, Any]) -> None:
    """Remember what stop.yml remembers."""
    for path, record in stop_records([stopped], {"i-1": works}, str(home), "ml101", ADDRESSES, {}).items():
        Path(path).parent.mkdir(exist_ok=True)
        records.write_json(path, record)


def known(
    home: Path, now: dict[str, Any], addresses: dict[str, str] = ADDRESSES, **former: list[str]
) -> list[tuple[str, int, bool]]:
    """Return what is known of the machine's students, who have these addresses and had the `former` ones."""
    found = stopped_machines([now], str(home), "ml101", addresses, former).get("i-1", [])
    return [(each["username"], each["files"], each["missing"]) for each in found if each["verified"]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with a file of ada's and nothing of grace's."""
    way = Way(tmp_path)
    (way.machine / "own.txt").write_text("mine")
    old(way.machine / "own.txt")
    way.collect()
    return way.home


def test_a_machine_that_stopped_with_all_work_at_home_is_known_until_it_starts(home: Path) -> None:
    stop(home, machine(), work("ada"), work("grace"))
    assert known(home, machine()) == [("ada", 1, False), ("grace", 0, True)]
    assert known(home, machine("running")) == []
    assert known(home, machine(launched=LATER)) == []  # it ran meanwhile
    assert known(home, machine(students="ada grace mary")) == []


@pytest.mark.parametrize(
    ("stopped", "works"),
    [
        (machine(), [work("ada")]),
        (machine(), [work("ada"), work("grace", verified=False)]),
        (machine("running"), [work("ada"), work("grace")]),
        (machine(students="-"), []),
    ],
)
def test_nothing_is_remembered_of_a_machine_with_work_that_is_not_at_home(
    home: Path, stopped: dict[str, Any], works: list[dict[str, Any]]
) -> None:
    stop(home, stopped, *works)
    assert known(home, machine()) == []


def test_a_home_that_lost_the_work_knows_of_no_stopped_machine(home: Path) -> None:
    stop(home, machine(), work("ada"), work("grace"))
    shutil.rmtree(home / ".history" / "ada.git")
    assert known(home, machine()) == []


def test_a_machine_with_the_name_of_one_that_came_home_is_another(home: Path) -> None:
    copy = machine() | {"instance_id": "i-copy"}
    stop(home, copy, work("ada"), work("grace"))  # of the first alone
    assert list((home / ".at-rest").glob("*")) == []
    stop(home, machine(), work("ada"), work("grace"))
    assert [*stopped_machines([machine(), copy], str(home), "ml101", ADDRESSES, {})] == ["i-1"]


def test_a_machine_is_known_though_an_address_has_changed_since(home: Path) -> None:
    stop(home, machine(), work("ada"), work("grace"))
    now = ADDRESSES | {"ada": "ada@example.net"}
    assert known(home, machine(), now) == []  # the work of somebody else
    assert known(home, machine(), now, ada=["ada@example.com"]) == [("ada", 1, False), ("grace", 0, True)]
