"""A class of 401 on an AWS with all its limits: more than fit into a filter, and more requests than it likes.

No host answers. Each command is killed once in its middle and run again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.desk import Aws, Desk
from tests.support.rooms import HERE, Rooms

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINES = 401
STUDENTS = [f"student{number:03d}" for number in range(1, MACHINES + 1)]
STANDARD = "L-1216C47A"
# As one word: the command is split at spaces.
ABANDONED = json.dumps({"class_abandon_work": STUDENTS}, separators=(",", ":"))
LONGEST = 3600


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Return a computer with the roster. AWS has granted the vCPUs that its machines need, and no more."""
    aws = Aws()
    aws.set_quota(STANDARD, 2 * MACHINES)
    rows = "".join(f"Student {number},{name}@example.com\n" for number, name in enumerate(STUDENTS, 1))
    yield Desk(tmp_path_factory.mktemp("desk"), aws, f"name,email\n{rows}")
    aws.close()


def seats(desk: Desk) -> dict[str, list[str]]:
    """Return the students of all machines ever launched, by seat and state."""
    pages = Rooms(desk).ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 1000})
    found = {}
    for page in pages:
        for machine in (each for reservation in page["Reservations"] for each in reservation["Instances"]):
            tags = {tag["Key"]: tag["Value"] for tag in machine["Tags"]}
            found[tags["Name"]] = [tags["Students"], machine["State"]["Name"]]
    return found


def play_twice(desk: Desk, line: str, action: str, times: int = 1) -> None:
    """Kill the command once it has asked for `action` so many times, then run it to its end; show what both took."""
    for killed in (True, False):
        desk.aws.forget()
        began = time.monotonic()
        if killed:
            desk.play_until(lambda request: request.action == action, times, line)
        else:
            shown = desk.play(line, timeout=LONGEST)
            assert shown.code == 0, shown.text[-4000:]
        asked = Counter(request.action for request in desk.aws.requests)
        codes = Counter(refusal.code for refusal in desk.aws.refusals)
        print(
            f"{line.split()[0 if line[0] != '-' else 2]} {'until it was killed' if killed else 'run again'}: "
            f"{time.monotonic() - began:.0f} s, {sum(asked.values())} requests that took {sum(desk.aws.seconds):.0f} s "
            f"({', '.join(f'{number} {name}' for name, number in asked.most_common(8))}), refused {dict(codes)}"
        )
        assert codes.keys() <= {"RequestLimitExceeded"}


def test_provision_launches_each_machine_once(desk: Desk) -> None:
    play_twice(desk, "provision.yml", "CreateTags", 100)
    given = seats(desk)
    assert sorted(given) == [f"ml101-{number:03d}" for number in range(1, MACHINES + 1)]
    assert sorted(students for students, _ in given.values()) == STUDENTS
    assert {state for _, state in given.values()} == {"running"}
    assert len((desk.home / "class/known_hosts").read_text().splitlines()) == MACHINES


def test_stop_stops_all(desk: Desk) -> None:
    before = seats(desk)
    play_twice(desk, f"{HERE} stop.yml -e {ABANDONED}", "StopInstances")
    assert seats(desk) == {seat: [students, "stopped"] for seat, (students, _) in before.items()}


def test_start_starts_all(desk: Desk) -> None:
    before = seats(desk)
    play_twice(desk, f"{HERE} start.yml", "StartInstances")
    assert seats(desk) == {seat: [students, "running"] for seat, (students, _) in before.items()}


def test_teardown_leaves_none(desk: Desk) -> None:
    before = seats(desk)
    confirmed = f"{HERE} teardown.yml -e class_confirm_teardown=ml101 -e {ABANDONED}"
    play_twice(desk, confirmed, "TerminateInstances")
    assert seats(desk) == {seat: [students, "terminated"] for seat, (students, _) in before.items()}
    assert not Rooms(desk).ec2.describe_key_pairs()["KeyPairs"]
