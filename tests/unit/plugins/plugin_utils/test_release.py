"""Which machines may be terminated."""

from __future__ import annotations

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import ReleasePlan, plan_release

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
            "ml-001": [work("ada")],
            "ml-002": [work("grace"), work("emmy", "thesis.tar is larger than 1024 MiB")],
            "ml-004": [],
            "ml-005": [work("joan")],
        },
    )
    assert plan.instance_ids == ["i-ml-001", "i-ml-004", "i-ml-005"]
    assert plan.retained == [
        "ml-002 (running; grace, emmy): emmy: thesis.tar is larger than 1024 MiB",
        "ml-003 (running; mary): it could not be reached, so its work was not collected",
    ]


def test_what_check_mode_foresees_counts_in_check_mode_alone() -> None:
    foreseen = {"ml-001": [work("ada", "check mode: nothing was brought home") | {"would_verify": True}]}
    assert plan_release([instance("ml-001", "ada")], foreseen, check_mode=True).instance_ids == ["i-ml-001"]
    assert plan_release([instance("ml-001", "ada")], foreseen).instance_ids == []


def test_a_machine_is_kept_when_one_of_its_students_was_not_asked_for() -> None:
    assert plan_release([instance("ml-001", "ada grace")], {"ml-001": [work("ada")]}).instance_ids == []


def test_a_machine_that_never_got_a_seat_may_go() -> None:
    bare = {"instance_id": "i-1", "state": {"name": "pending"}, "tags": {"Students": ""}}
    assert plan_release([bare], {}) == ReleasePlan(instance_ids=["i-1"])


def test_work_is_given_up_for_the_named_students_alone() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace emmy"), instance("ml-003", "mary")]
    collected = {"ml-002": [work("grace", "too large"), work("emmy", "too large")], "ml-003": [work("mary")]}
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
        "ml-001": [work("ada"), work("grace", "too large"), work("emmy", "too large")],
        "ml-002": [work("mary")],
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
    collected = {"ml-001": [work("grace")], "ml-002": [work("mary")]}
    plan = plan_release(machines, collected, leaving=["grace", "mary"])
    assert plan == ReleasePlan(instance_ids=["i-ml-002"], tags={"i-ml-001": "ada - emmy"})


def test_who_leaves_a_shared_machine_keeps_the_place_until_the_work_is_safe_and_the_machine_was_reached() -> None:
    shared = [instance("ml-001", "ada grace")]
    held = plan_release(shared, {"ml-001": [work("grace", "too large")]}, leaving=["grace"])
    assert held.retained == ["ml-001 (running; ada, grace): grace: too large"]
    assert plan_release(shared, {"ml-001": [work("grace", "too large")]}, leaving=["grace"], abandon=["grace"]).tags
    # Nobody could close the account.
    assert plan_release(shared, {}, leaving=["grace"], abandon=["grace"]).retained
    # The disk stays where it is, so a snapshot is no copy to go by.
    assert plan_release(
        shared, {"ml-001": [work("grace", "too large")]}, leaving=["grace"], snapshot=["grace"]
    ).retained
