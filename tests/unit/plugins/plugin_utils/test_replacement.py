"""Which machines are replaced by others."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.replacement import (
    Replacement,
    plan_replacement,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import SelectionError

from tests.support.instances import instance


def test_a_replacement_takes_neighbours_along_and_a_killed_one_is_taken_up_where_it_was() -> None:
    first = [instance("ml-001", "ada - grace"), instance("ml-002", "mary"), instance("ml-003", "")]
    begun = plan_replacement("ada", first, {})
    marks = {"ada": "i-ml-001", "grace": "i-ml-001"}
    everybody = ["ada", "grace", "mary"]
    assert begun == Replacement(["ada", "grace"], ["i-ml-001"], [*first[:1]], marks, everybody, ["i-ml-003"])
    # Killed before the old machine went, after it, and after the students sat on the new one.
    assert plan_replacement("ada", first, marks) == begun
    for left, spares in ([instance("ml-003", "")], ["i-ml-003"]), ([instance("ml-003", "ada grace")], []):
        again = plan_replacement("ada", left, marks)
        assert again == Replacement(["ada", "grace"], pending=marks, seated=["ada", "grace"], spares=spares)
    # What another run began is no part of it.
    assert plan_replacement("mary", first, marks).instance_ids == ["i-ml-002"]
    assert plan_replacement("mary", first, marks).students == ["mary"]
    assert plan_replacement("mary", first, marks).others == marks
    assert plan_replacement("ada", first, marks | {"mary": "i-ml-002"}).others == {"mary": "i-ml-002"}


def test_a_space_behind_the_comma_hides_nobody_whose_replacement_has_begun() -> None:
    marks = {"ada": "i-1", "mary": "i-2"}
    assert plan_replacement("ada, mary", [instance("ml-003", "")], marks).students == ["ada", "mary"]


@pytest.mark.parametrize(
    ("student", "limit", "words"),
    [
        ("", None, "Who is meant"),
        ("emmy", None, "On no machine"),
        ("ada", ["ml-001"], "it would hide the new machine. Nothing was done. (.|\n)*replace.yml -e student=ada"),
    ],
)
def test_nobody_a_stranger_or_a_limit_is_refused(student: str, limit: list[str] | None, words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        plan_replacement(student, [instance("ml-001", "ada")], {"ada": "i-ml-001"}, limit)
