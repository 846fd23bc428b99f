"""Seats: nobody ever changes seat, whatever happens to the roster and in whichever order runs are killed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import (
    SeatError,
    plan,
    refused_machines,
    seated_students,
)
from hypothesis import given
from hypothesis import strategies as st


def machine(number: int, students: str = "", seat: str = "") -> dict[str, Any]:
    tags = {"Class": "ml", "Students": students} | ({"Name": seat} if seat else {})
    return {"instance_id": f"i-{number:03d}", "state": {"name": "running"}, "tags": tags}


def carry_out(machines: list[dict[str, Any]], usernames: list[str], **options: Any) -> list[dict[str, Any]]:
    """Do what provision does: plan, launch, plan again for what is there now, tag."""
    planned = plan(usernames, machines, class_name="ml", **options)
    machines = machines + [machine(len(machines) + n) for n in range(planned.launch)]
    tags = plan(usernames, machines, class_name="ml", **options).tags
    return [m | {"tags": m["tags"] | tags.get(m["instance_id"], {})} for m in machines]


def places(machines: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    return {
        student: (m["instance_id"], place)
        for m in machines
        for place, student in enumerate(m["tags"]["Students"].split())
    }


def test_a_new_class_launches_a_machine_per_student_and_the_spares() -> None:
    planned = plan(["ada", "grace"], [], class_name="ml", spare_machines=1)
    assert (planned.launch, planned.tags) == (3, {})


def test_machines_left_by_a_killed_run_are_adopted() -> None:
    planned = plan(["ada", "grace", "emmy"], [machine(1), machine(2)], class_name="ml")
    assert planned.launch == 1
    assert planned.tags == {
        "i-001": {"Name": "ml-001", "Students": "ada"},
        "i-002": {"Name": "ml-002", "Students": "grace"},
    }


def test_a_walk_in_takes_the_spare() -> None:
    planned = plan(["ada", "emmy"], [machine(1, "ada", "ml-001"), machine(2, "", "ml-002")], class_name="ml")
    assert (planned.launch, planned.tags) == (0, {"i-002": {"Students": "emmy"}})


def test_the_place_of_one_who_left_is_kept() -> None:
    planned = plan(["grace", "emmy"], [machine(1, "- grace", "ml-001")], class_name="ml", students_per_machine=2)
    assert planned.tags == {"i-001": {"Students": "- grace emmy"}}


def test_who_left_the_roster_is_named_and_keeps_the_machine() -> None:
    planned = plan(["grace"], [machine(1, "ada", "ml-001")], class_name="ml")
    assert (planned.launch, planned.left) == (1, ["ada"])


def test_a_student_on_two_machines_is_named() -> None:
    with pytest.raises(SeatError, match=r"student ada .*i-001, i-002"):
        plan(["ada"], [machine(1, "ada", "ml-001"), machine(2, "ada", "ml-002")], class_name="ml")


def test_a_seat_on_two_machines_is_named() -> None:
    with pytest.raises(SeatError, match=r"seat ml-001 .*i-001, i-002"):
        plan(["ada"], [machine(1, "ada", "ml-001"), machine(2, "", "ml-001")], class_name="ml")


def test_a_tag_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(SeatError, match="class_students_per_machine"):
        plan([f"student{n:025d}" for n in range(9)], [machine(1)], class_name="ml", students_per_machine=9)


def test_ports_follow_places_and_strangers_are_left_out() -> None:
    accounts: dict[str, dict[str, Any]] = {"ada": {"token": "a"}, "emmy": {"token": "e"}}
    assert seated_students("ada - gone emmy", accounts) == [
        {"username": "ada", "port": 8888, "token": "a"},
        {"username": "emmy", "port": 8891, "token": "e"},
    ]


names = st.sampled_from([f"s{n}" for n in range(12)])
rosters = st.lists(st.lists(names, unique=True, min_size=1), min_size=1, max_size=5)


@given(rosters, st.integers(1, 3), st.integers(0, 2))
def test_whatever_happens_to_the_roster_nobody_moves_and_everybody_sits(
    changes: list[list[str]], per_machine: int, spares: int
) -> None:
    options = {"students_per_machine": per_machine, "spare_machines": spares}
    machines: list[dict[str, Any]] = []
    for usernames in changes:
        before = places(machines)
        machines = carry_out(machines, usernames, **options)
        after = places(machines)
        assert before.items() <= after.items()
        assert set(usernames) <= after.keys()
        settled = plan(usernames, machines, class_name="ml", **options)
        assert (settled.launch, settled.tags) == (0, {})
        seats = [m["tags"]["Name"] for m in machines]
        assert len(set(seats)) == len(seats)
        assert sum(not m["tags"]["Students"] for m in machines) >= spares


def test_usernames_too_long_for_a_tag_are_refused_before_a_machine_is_launched() -> None:
    usernames = [f"{number}".rjust(32, "x") for number in range(9)]
    with pytest.raises(SeatError, match=r"on a new machine are longer than a tag can be \(263 of 256"):
        plan(usernames, [], class_name="ml101", students_per_machine=8)
    assert plan(usernames, [], class_name="ml101", students_per_machine=7).launch == 2


def test_machines_that_aws_refuses_are_named_with_their_students_by_reason() -> None:
    machines = [machine(1, "ada grace", "ml-001"), machine(2, "", "ml-002"), machine(3, "mary", "ml-003")]
    refused = {"i-003": "no capacity", "i-001": "no capacity", "i-002": "it is stopping", "i-999": "it is stopping"}
    assert refused_machines(refused, machines) == [
        "ml-001 (ada, grace), ml-003 (mary): no capacity",
        "i-999 (spare), ml-002 (spare): it is stopping",
    ]
    assert refused_machines({}, machines) == []
