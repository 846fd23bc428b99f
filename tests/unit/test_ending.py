"""Which machines may be terminated."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import Weighed, weigh
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.replacement import Exchange, exchange
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.collect_summary import collect_summary
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import (
    given_up_mistake,
    named_students,
)


def instance(seat: str, students: str) -> dict[str, Any]:
    tags = {"Name": seat, "Students": students}
    return {"instance_id": f"i-{seat}", "state": {"name": "running"}, "tags": tags}


def work(username: str, reason: str = "") -> dict[str, Any]:
    return {"username": username, "verified": not reason, "reason": reason}


def test_only_machines_whose_work_is_verified_may_go() -> None:
    weighed = weigh(
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
    assert weighed.ending == ["i-ml-001", "i-ml-004", "i-ml-005"]
    assert weighed.kept == [
        "ml-002 (running; grace, emmy): emmy: thesis.tar is larger than 1024 MiB",
        "ml-003 (running; mary): it could not be reached, so its work was not collected",
    ]


def test_what_check_mode_foresees_counts_in_check_mode_alone() -> None:
    foreseen = {"ml-001": [work("ada", "check mode: nothing was brought home") | {"would_verify": True}]}
    assert weigh([instance("ml-001", "ada")], foreseen, check_mode=True).ending == ["i-ml-001"]
    assert weigh([instance("ml-001", "ada")], foreseen).ending == []


def test_a_machine_is_kept_when_one_of_its_students_was_not_asked_for() -> None:
    assert weigh([instance("ml-001", "ada grace")], {"ml-001": [work("ada")]}).ending == []


def test_a_machine_that_never_got_a_seat_may_go() -> None:
    bare = {"instance_id": "i-1", "state": {"name": "pending"}, "tags": {"Students": ""}}
    assert weigh([bare], {}) == Weighed(ending=["i-1"])


def test_work_is_given_up_for_the_named_students_alone() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace emmy"), instance("ml-003", "mary")]
    collected = {"ml-002": [work("grace", "too large"), work("emmy", "too large")], "ml-003": [work("mary")]}
    weighed = weigh(machines, collected, abandon=["ada", "grace", "mary"])
    assert weighed.ending == ["i-ml-001", "i-ml-003"]
    assert weighed.abandoned == ["ada"]  # mary's is at home, and grace's machine stays for emmy's sake
    assert weighed.kept == ["ml-002 (running; grace, emmy): emmy: too large"]


def test_what_stays_is_named_with_three_ways_on() -> None:
    weighed = weigh([instance("ml-001", "ada"), instance("ml-002", "grace")], {}, abandon=["grace"])
    assert weighed.ending == ["i-ml-002"]
    assert "mend what is named and run this again" in weighed.advice
    assert """-e '{"class_snapshot_work": ["ada"]}'""" in weighed.advice
    assert """-e '{"class_abandon_work": ["ada"]}'""" in weighed.advice
    assert not weigh([instance("ml-001", "")], {}).advice


def test_a_snapshot_stands_in_for_work_that_cannot_come_home_and_only_then() -> None:
    machines = [instance("ml-001", "ada grace emmy"), instance("ml-002", "mary"), instance("ml-003", "joan")]
    collected = {
        "ml-001": [work("ada"), work("grace", "too large"), work("emmy", "too large")],
        "ml-002": [work("mary")],
    }
    weighed = weigh(machines, collected, snapshot=["grace", "mary"], abandon=["emmy"])
    assert weighed.ending == ["i-ml-001", "i-ml-002"]
    assert weighed.snapshots == {"i-ml-001": "Work of grace, ml-001"}
    assert weighed.abandoned == ["emmy"]
    assert weighed.kept == [
        "ml-003 (running; joan): it could not be reached, so its work was not collected",
    ]


def test_who_leaves_a_shared_machine_leaves_an_empty_place_and_a_machine_without_students_goes() -> None:
    machines = [instance("ml-001", "ada grace emmy"), instance("ml-002", "mary -"), instance("ml-003", "")]
    collected = {"ml-001": [work("grace")], "ml-002": [work("mary")]}
    weighed = weigh(machines, collected, leaving=["grace", "mary"])
    assert weighed == Weighed(ending=["i-ml-002"], tags={"i-ml-001": "ada - emmy"})


def test_who_leaves_a_shared_machine_keeps_the_place_until_the_work_is_safe_and_the_machine_was_reached() -> None:
    shared = [instance("ml-001", "ada grace")]
    held = weigh(shared, {"ml-001": [work("grace", "too large")]}, leaving=["grace"])
    assert held.kept == ["ml-001 (running; ada, grace): grace: too large"]
    assert weigh(shared, {"ml-001": [work("grace", "too large")]}, leaving=["grace"], abandon=["grace"]).tags
    # Nobody could close the account.
    assert weigh(shared, {}, leaving=["grace"], abandon=["grace"]).kept
    # The disk stays where it is, so a snapshot is no copy to go by.
    assert weigh(shared, {"ml-001": [work("grace", "too large")]}, leaving=["grace"], snapshot=["grace"]).kept


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("", r"Who is meant\? .*\nansible-playbook retire.yml -e student=ada"),
        (" , ", "Who is meant"),
        ("adda", "On no machine that is meant: adda"),
        ("ada,nobody", "On no machine that is meant: nobody"),
        ("grace,ada", "Still in the roster: ada. (.|\n)*retire.yml -e student=grace,ada"),
    ],
)
def test_only_students_who_may_be_meant_are_named(student: str, words: str) -> None:
    machines = [instance("ml-001", "ada grace")]
    named = named_students(student, machines, verb="retire", known=["mary"], staying=["ada"])
    assert re.search(words, named.refusal)
    assert len(named.refusal.splitlines()) <= 3
    assert (named.students, named.instance_ids) == ([], [])


def test_named_students_come_with_their_machines_and_one_who_left_before_is_passed_over() -> None:
    machines = [instance("ml-001", "ada grace"), instance("ml-002", "mary"), instance("ml-003", "")]
    named = named_students("grace, emmy,grace", machines, verb="retire", known=["emmy"])
    assert (named.students, named.instance_ids, named.seats) == (["grace"], ["i-ml-001"], ["ml-001"])
    everybody = named_students("", machines, verb="stop", required=False)
    assert everybody.seats == ["ml-001", "ml-002", "ml-003"]
    assert everybody.students == ["ada", "grace", "mary"]


def test_an_exchange_takes_neighbours_along_and_a_killed_one_is_taken_up_where_it_was() -> None:
    first = [instance("ml-001", "ada - grace"), instance("ml-002", "mary"), instance("ml-003", "")]
    begun = exchange("ada", first, {})
    marks = {"ada": "i-ml-001", "grace": "i-ml-001"}
    assert begun == Exchange(students=["ada", "grace"], old=["i-ml-001"], pending=marks)
    # Killed before the old machine went, after it, and after the students sat on the new one.
    assert exchange("ada", first, marks) == begun
    for left in ([instance("ml-003", "")], [instance("ml-003", "ada grace")]):
        assert exchange("ada", left, marks) == Exchange(students=["ada", "grace"], pending=marks)
    # What another run began is no part of it.
    assert exchange("mary", first, marks).old == ["i-ml-002"]
    assert exchange("mary", first, marks).students == ["mary"]
    assert "Who is meant" in exchange("", first, {}).refusal
    assert "On no machine" in exchange("emmy", first, marks).refusal


@pytest.mark.parametrize(
    ("abandon", "words"),
    [
        ("ada", "must be a list of usernames"),
        (True, "must be a list of usernames"),
        (["all"], "names all, who sits on no machine"),
        (["*", "ada"], "names *, who sits on no machine"),
        ([["ada"]], "sits on no machine"),
    ],
)
def test_there_is_no_word_for_everybody(abandon: object, words: str) -> None:
    assert words in given_up_mistake(abandon, [instance("ml-001", "ada")], "class_abandon_work")
    assert given_up_mistake(["ada", "mary"], [instance("ml-001", "ada")], "class_abandon_work", ["mary"]) == ""


def test_a_collect_ends_with_a_line_for_every_student() -> None:
    stopped = instance("ml-003", "joan") | {"state": {"name": "stopped"}}
    machines = [stopped, instance("ml-001", "ada - grace"), instance("ml-002", "mary"), instance("ml-004", "")]
    full = {"files": 3, "missing": False, "would_verify": False}
    collected = {"ml-001": [work("ada") | full, work("grace", "big.bin is too large") | full], "ml-002": []}
    summary = collect_summary(machines, collected)
    assert summary["table"].splitlines() == [
        "SEAT    STUDENT  WORK",
        "ml-001  ada      3 files at home",
        "ml-001  grace    NOT SAFE: big.bin is too large",
        "ml-002  mary     NOT SAFE: could not be reached",
        "ml-003  joan     NOT SAFE: the machine is stopped",
    ]
    assert summary["unsafe"] == ["grace", "mary", "joan"]
