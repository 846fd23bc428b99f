"""Which machines may be terminated."""

from __future__ import annotations

from typing import Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.ending import machines_to_end


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
    assert machines_to_end([bare], {}) == {"ending": ["i-1"], "kept": []}
