"""Runs that are killed while they look for machines in other zones and of other types: nothing is launched twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from lab.capacity import CAPACITY, Pool
from tests.support.desk import Aws, Desk
from tests.support.rooms import HERE, Rooms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.api_request import ApiRequest

KILLS = 20
STUDENTS = ("ada", "emmy", "grace", "joan", "lise", "mary")
ROSTER = "name,email\n" + "".join(f"Student {name},{name}@example.com\n" for name in STUDENTS)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a computer with the roster."""
    aws = Aws()
    desk = Desk(tmp_path, aws, ROSTER)
    yield desk
    CAPACITY.clear()
    room = Rooms(desk)
    if left := [machine["InstanceId"] for machine in room.found()]:  # by a test that failed
        room.ec2.terminate_instances(InstanceIds=left)
    aws.close()


def looks_elsewhere(request: ApiRequest) -> bool:
    """Tell whether a launch takes what it can get."""
    return request.action == "RunInstances" and request.parameters["MinCount"] == "1"


@pytest.mark.timeout(7200)
def test_as_many_machines_as_seats_whenever_it_was_killed(desk: Desk) -> None:
    room = Rooms(desk)
    left = Counter[int]()
    for number in range(KILLS):
        desk.aws.forget()
        for pool in (Pool(0, zone="us-east-1a"), Pool(2, instance_type="m6a.large"), Pool(1, instance_type="m5.large")):
            CAPACITY.limit(pool)
        desk.play_until(looks_elsewhere, 1 + number % 10, f"{HERE} provision.yml")
        left[len(room.found())] += 1
        shown = desk.play(f"{HERE} provision.yml")
        assert shown.code == 0, shown.text[-3000:]
        assert room.seated() == [(name, "running") for name in STUDENTS]
        room.ec2.terminate_instances(InstanceIds=[machine["InstanceId"] for machine in room.found()])
    print(f"Machines that killed runs left, of {len(STUDENTS)}: {dict(sorted(left.items()))}")
    assert set(left) - {0, len(STUDENTS)}, "no run was killed half-way"
