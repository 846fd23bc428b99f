"""Which machines may be terminated."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import (
    ReleasePlan,
    brought_home,
    plan_release,
    unsafe_students,
    with_disks_kept,
)

from tests.support.instances import instance, work


def test_only_machines_whose_work_is_verified_may_go() -> None:
    plan = plan_release(
        [
            instance("ml-001", "ada"),
            instance("ml-002", "grace emmy"),
            instance("ml-003", "mary"),
            instance("ml-004", ""),
            instance("ml-005", "- joan"),
        ],
        {
            "i-ml-001": [work("ada")],
            "i-ml-002": [work("grace"), work("emmy", "thesis.tar is larger than 1024 MiB")],
            "i-ml-004": [],
            "i-ml-005": [work("joan")],
        },
    )
    assert plan.instance_ids == ["i-ml-001", "i-ml-004", "i-ml-005"]
    assert plan.retained == [
        "ml-002 (running; grace, emmy): emmy: thesis.tar is larger than 1024 MiB",
        "ml-003 (running; mary): it could not be reached, so its work was not collected",
    ]


def test_what_check_mode_foresees_counts_in_check_mode_alone() -> None:
    foreseen = {"i-ml-001": [work("ada", "check mode: nothing was brought home") | {"would_verify": True}]}
    assert plan_release([instance("ml-001", "ada")], foreseen, check_mode=True).instance_ids == ["i-ml-001"]
    assert plan_release([instance("ml-001", "ada")], foreseen).instance_ids == []


def test_a_machine_is_kept_when_one_of_its_students_was_not_asked_for() -> None:
    assert plan_release([instance("ml-001", "ada grace")], {"i-ml-001": [work("ada")]}).instance_ids == []


def test_a_machine_that_never_got_a_seat_may_go() -> None:
    bare = {"instance_id": "i-1", "state": {"name": "pending"}, "tags": {"Students": ""}}
    assert plan_release([bare], {}) == ReleasePlan(instance_ids=["i-1"])


def test_work_is_given_up_for_the_named_students_alone() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace emmy"), instance("ml-003", "mary")]
    collected = {"i-ml-002": [work("grace", "too large"), work("emmy", "too large")], "i-ml-003": [work("mary")]}
    plan = plan_release(machines, collected, abandon=["ada", "grace", "mary"])
    assert plan.instance_ids == ["i-ml-001", "i-ml-003"]
    assert plan.abandoned == ["ada"]  # mary's is at home, and grace's machine stays for emmy's sake
    assert plan.retained == ["ml-002 (running; grace, emmy): emmy: too large"]


def test_a_machine_that_did_not_start_stays_and_says_so() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace")]
    not_started = dict.fromkeys(("i-ml-001", "i-ml-002"), "no capacity")
    plan = plan_release(machines, {}, not_started=not_started, abandon=["grace"])
    assert plan.retained == ["ml-001 (running; ada): it did not start, so its work was not collected: no capacity"]
    assert plan.instance_ids == ["i-ml-002"]


def test_what_stays_is_named_with_the_options() -> None:
    plan = plan_release([instance("ml-001", "ada"), instance("ml-002", "grace")], {}, abandon=["grace"])
    assert plan.instance_ids == ["i-ml-002"]
    assert "fix the problems above and run this again" in plan.next_steps
    assert """-e '{"class_snapshot_work": ["ada"]}'""" in plan.next_steps
    assert """-e '{"class_abandon_work": ["ada"]}'""" in plan.next_steps
    assert not plan_release([instance("ml-001", "")], {}).next_steps


def test_a_snapshot_stands_in_for_work_that_cannot_come_home_and_only_then() -> None:
    machines = [instance("ml-001", "ada grace emmy"), instance("ml-002", "mary"), instance("ml-003", "joan")]
    collected = {
        "i-ml-001": [work("ada"), work("grace", "too large"), work("emmy", "too large")],
        "i-ml-002": [work("mary")],
    }
    plan = plan_release(machines, collected, snapshot=["grace", "mary"], abandon=["emmy"])
    assert plan.instance_ids == ["i-ml-001", "i-ml-002"]
    assert plan.snapshots == {"i-ml-001": "Work of grace, ml-001"}
    assert plan.abandoned == ["emmy"]
    assert plan.retained == [
        "ml-003 (running; joan): it could not be reached, so its work was not collected",
    ]


def test_who_leaves_a_shared_machine_leaves_an_empty_place_and_a_machine_without_students_goes() -> None:
    machines = [instance("ml-001", "ada grace emmy"), instance("ml-002", "mary -"), instance("ml-003", "")]
    collected = {"i-ml-001": [work("grace")], "i-ml-002": [work("mary")]}
    plan = plan_release(machines, collected, leaving=["grace", "mary"])
    assert plan == ReleasePlan(instance_ids=["i-ml-002"], tags={"i-ml-001": "ada - emmy"})


def test_who_leaves_a_shared_machine_keeps_the_place_until_the_work_is_safe_and_the_machine_was_reached() -> None:
    shared = [instance("ml-001", "ada grace")]
    held = plan_release(shared, {"i-ml-001": [work("grace", "too large")]}, leaving=["grace"])
    assert held.retained == ["ml-001 (running; ada, grace): grace: too large"]
    assert plan_release(shared, {"i-ml-001": [work("grace", "too large")]}, leaving=["grace"], abandon=["grace"]).tags
    # Nobody could close the account.
    assert plan_release(shared, {}, leaving=["grace"], abandon=["grace"]).retained
    # The disk stays where it is, so a snapshot is no copy to go by.
    assert plan_release(
        shared, {"i-ml-001": [work("grace", "too large")]}, leaving=["grace"], snapshot=["grace"]
    ).retained


def test_a_machine_is_not_cleared_by_what_came_home_from_another_of_its_name() -> None:
    """As after "Launch more like this" in the EC2 console, which copies the tags."""
    copy = instance("ml-001", "ada", "stopped") | {"instance_id": "i-copy"}
    plan = plan_release([instance("ml-001", "ada"), copy], {"i-ml-001": [work("ada")]}, abandon=["ada"])
    assert plan.instance_ids == []
    why = "i-copy and i-ml-001 bear this Name, so nobody knows whose work came home: "
    why += "give one another in the EC2 console, then run this again"
    assert plan.retained == [f"ml-001 (running; ada): {why}", f"ml-001 (stopped; ada): {why}"]
    assert plan.next_steps == ""
    renamed = instance("ml-009", "ada", "stopped") | {"instance_id": "i-copy"}
    assert plan_release([instance("ml-001", "ada"), renamed], {"i-ml-001": [work("ada")]}).instance_ids == ["i-ml-001"]


@pytest.mark.parametrize("students", ["", "grace"])
def test_a_name_that_a_machine_out_of_question_bears_too_is_no_machine_s_own(students: str) -> None:
    asked, other = instance("ml-001", "ada"), instance("ml-001", students) | {"instance_id": "i-other"}
    plan = plan_release([asked, other], {"i-ml-001": [work("ada")]}, selected=[asked])
    assert (plan.instance_ids, len(plan.retained)) == ([], 1)
    assert "i-ml-001 and i-other" in plan.retained[0]


def test_what_came_home_is_known_by_the_machine_that_it_came_from() -> None:
    machines: list[dict[str, Any]] = [
        {"inventory_hostname": "ml-001", "aws_instance_id": "i-new", "work_brought_home": {"i-old": [work("ada")]}},
        {"inventory_hostname": "ml-002", "aws_instance_id": "i-2", "work_brought_home": {}},
        {"inventory_hostname": "ml-003", "aws_instance_id": "i-3"},
    ]
    assert brought_home(machines) == {"i-old": [work("ada")]}


def test_a_machine_that_somebody_started_since_the_run_began_stays_and_says_so() -> None:
    began = [instance("ml-001", "ada", "stopped"), instance("ml-002", "grace", "stopped")]
    now = [instance("ml-001", "ada"), instance("ml-002", "grace")]
    plan = plan_release(now, {}, selected=began, starting=["i-ml-002"])
    assert plan.retained == [
        "ml-001 (running; ada): it was started while this ran, so its work was not collected: run this again",
        "ml-002 (running; grace): it could not be reached, so its work was not collected",
    ]
    refused = plan_release(now[1:], {}, selected=began, starting=["i-ml-002"], not_started={"i-ml-002": "no capacity"})
    assert "it was started while this ran" in refused.retained[0]
    assert plan_release(now, {"i-ml-001": [work("ada")]}, selected=began).instance_ids == ["i-ml-001"]


def test_what_rests_with_all_work_at_home_may_go_but_nobody_is_kept_out_of_it() -> None:
    at_rest = {"i-ml-001": [work("ada"), work("grace")]}
    machines = [instance("ml-001", "ada grace", "stopped")]
    assert plan_release(machines, {}, at_rest=at_rest).instance_ids == ["i-ml-001"]
    shared = plan_release(machines, {}, at_rest=at_rest, leaving=["grace"])
    assert (shared.tags, len(shared.retained)) == ({}, 1)


def test_check_mode_foresees_what_the_run_would_start_and_says_so() -> None:
    machines = [instance("ml-001", "ada grace", "stopped"), instance("ml-002", "", "stopped")]
    ids = ["i-ml-001", "i-ml-002"]
    plan = plan_release(machines, {}, starting=ids, check_mode=True)
    assert plan == ReleasePlan(instance_ids=ids, foreseen=["ml-001 (stopped; ada, grace)"])
    leaving = plan_release(machines, {}, starting=ids, leaving=["grace"], check_mode=True)
    assert leaving == ReleasePlan(tags={"i-ml-001": "ada -"}, foreseen=["ml-001 (stopped; ada, grace)"])


@pytest.mark.parametrize(
    ("state", "more"),
    [
        ("stopped", {"starting": []}),  # as with --limit
        ("stopped", {"not_started": {"i-ml-001": "no capacity"}}),
        ("stopped", {"check_mode": False}),
        ("running", {}),
    ],
)
def test_check_mode_foresees_nothing_of_a_machine_that_would_not_start(state: str, more: dict[str, Any]) -> None:
    given: dict[str, Any] = {"starting": ["i-ml-001"], "check_mode": True} | more
    plan = plan_release([instance("ml-001", "ada", state)], {}, **given)
    assert (plan.instance_ids, plan.foreseen, len(plan.retained)) == ([], [], 1)


def test_a_snapshot_counts_only_where_the_whole_disk_goes() -> None:
    came = [work("ada", "too large"), work("grace")]
    assert unsafe_students(came, ["ada", "grace", "-"], ["ada", "grace"], [], []) == ["ada"]
    assert unsafe_students(came, ["ada", "grace", "-"], ["ada", "grace"], [], ["ada"]) == []
    assert unsafe_students(came, ["ada", "grace", "-"], ["ada"], [], ["ada"]) == ["ada"]
    assert unsafe_students(came, ["ada", "grace", "-"], ["ada"], ["ada"], []) == []
    # Nobody asked for hers.
    assert unsafe_students(came, ["ada", "grace", "mary"], ["ada", "grace", "mary"], ["ada"], []) == ["mary"]


RELEASE = asdict(
    ReleasePlan(
        instance_ids=["i-ml-001", "i-ml-002", "i-ml-003"],
        snapshots={"i-ml-001": "Work of ada, ml-001", "i-ml-003": "Work of joan, ml-003"},
        retained=["ml-004 (running; lise): lise: too large"],
        abandoned=["emmy", "grace"],
        next_steps="Options: fix it",
    )
)
MACHINES = [instance("ml-001", "ada emmy", "stopped"), instance("ml-003", "joan", "stopped")]
REFUSED = "An error occurred (SnapshotLimitExceeded) when calling the CreateSnapshot operation: Too many."


def snapshot(machine: str, refusal: str = "", *, changed: bool = True) -> dict[str, Any]:
    """Return what a snapshot came to in a loop over the plan's."""
    item = {"key": machine, "value": RELEASE["snapshots"].get(machine, "")}
    return {"item": item, "changed": changed and not refusal, "failed": bool(refusal), "msg": refusal}


def test_a_plan_whose_disks_are_all_kept_stays_as_it_is() -> None:
    kept = [snapshot("i-ml-001"), snapshot("i-ml-003")]
    still = {"refused": {}, "instances": MACHINES}
    assert with_disks_kept(RELEASE, still, kept, "eu-west-1") == RELEASE | {"unkept": []}
    no_disks = RELEASE | {"snapshots": {}}
    assert with_disks_kept(no_disks, {}, [], "eu-west-1") == no_disks | {"unkept": []}


def test_a_machine_that_does_not_stop_stays_and_holds_up_no_other() -> None:
    hangs = [instance("ml-001", "ada emmy", "stopping"), MACHINES[1]]
    still = {"refused": {"i-ml-001": "it is stopping"}, "instances": hangs}
    plan = with_disks_kept(RELEASE, still, [snapshot("i-ml-003")], "eu-west-1")
    assert plan["instance_ids"] == ["i-ml-002", "i-ml-003"]
    assert plan["snapshots"] == {"i-ml-003": "Work of joan, ml-003"}
    assert plan["retained"] == [
        "ml-004 (running; lise): lise: too large",
        "ml-001 (ada, emmy): it did not stop, so there is no snapshot of its disk: it is stopping",
    ]
    assert plan["unkept"] == []
    assert plan["abandoned"] == ["grace"]  # emmy's is where it was
    first, again, force, command = plan["next_steps"].splitlines()
    assert (first, again) == ("Options: fix it", "Run this again: only a machine with a snapshot of its disk goes.")
    assert "by force" in force
    assert command == "aws ec2 stop-instances --force --region eu-west-1 --instance-ids i-ml-001"


@pytest.mark.parametrize(
    ("snapshots", "why"),
    [
        ([snapshot("i-ml-001", REFUSED)], ": AWS refused CreateSnapshot (SnapshotLimitExceeded): Too many."),
        ([snapshot("i-ml-001", "Max attempts exceeded\nTraceback")], ": Max attempts exceeded"),
        ([snapshot("i-ml-001", changed=False)], ""),
        ([snapshot("i-of-another-run")], ""),
        ([], ""),
    ],
)
def test_a_machine_without_a_snapshot_stays_whyever(snapshots: list[dict[str, Any]], why: str) -> None:
    still = {"refused": {}, "instances": MACHINES}
    plan = with_disks_kept(RELEASE, still, [*snapshots, snapshot("i-ml-003")], "eu-west-1")
    assert plan["instance_ids"] == ["i-ml-002", "i-ml-003"]
    assert plan["unkept"] == [f"ml-001 (ada, emmy): there is no snapshot of its disk{why}"]
    assert plan["retained"] == RELEASE["retained"]
    assert "--force" not in plan["next_steps"]
