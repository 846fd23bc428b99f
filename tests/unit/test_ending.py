"""Which machines may be terminated."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.ending import (
    abandon_mistake,
    collect_summary,
    machines_to_end,
)


def instance(seat: str, students: str) -> dict[str, Any]:
    tags = {"Name": seat, "Students": students}
    return {"instance_id": f"i-{seat}", "state": {"name": "running"}, "tags": tags}


def work(username: str, reason: str = "") -> dict[str, Any]:
    return {"username": username, "verified": not reason, "reason": reason}


def test_only_machines_whose_work_is_verified_may_go() -> None:
    weighed = machines_to_end(
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
    assert weighed["ending"] == ["i-ml-001", "i-ml-004", "i-ml-005"]
    assert weighed["kept"] == [
        "ml-002 (running; grace, emmy): emmy: thesis.tar is larger than 1024 MiB",
        "ml-003 (running; mary): it could not be reached, so its work was not collected",
    ]


def test_what_check_mode_foresees_counts_in_check_mode_alone() -> None:
    foreseen = {"ml-001": [work("ada", "check mode: nothing was brought home") | {"would_verify": True}]}
    assert machines_to_end([instance("ml-001", "ada")], foreseen, check_mode=True)["ending"] == ["i-ml-001"]
    assert machines_to_end([instance("ml-001", "ada")], foreseen)["ending"] == []


def test_a_machine_is_kept_when_one_of_its_students_was_not_asked_for() -> None:
    assert machines_to_end([instance("ml-001", "ada grace")], {"ml-001": [work("ada")]})["ending"] == []


def test_a_machine_that_never_got_a_seat_may_go() -> None:
    bare = {"instance_id": "i-1", "state": {"name": "pending"}, "tags": {"Students": ""}}
    assert machines_to_end([bare], {}) == {"ending": ["i-1"], "kept": [], "abandoned": []}


def test_work_is_given_up_for_the_named_students_alone() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace emmy"), instance("ml-003", "mary")]
    collected = {"ml-002": [work("grace", "too large"), work("emmy", "too large")], "ml-003": [work("mary")]}
    weighed = machines_to_end(machines, collected, abandon=["ada", "grace", "mary"])
    assert weighed["ending"] == ["i-ml-001", "i-ml-003"]
    assert weighed["abandoned"] == ["ada"]  # mary's is at home, and grace's machine stays for emmy's sake
    assert weighed["kept"] == ["ml-002 (running; grace, emmy): emmy: too large"]


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
    assert words in abandon_mistake(abandon, [instance("ml-001", "ada")])
    assert abandon_mistake(["ada"], [instance("ml-001", "ada")]) == ""


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
