"""Whom a command is about."""

from __future__ import annotations

import re

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import (
    SelectionError,
    check_abandoned,
    refuse_unknown_abandoned,
    select,
    select_from_roster,
    select_running,
)

from tests.support.instances import instance


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
def test_only_students_who_may_be_meant_are_selected(student: str, words: str) -> None:
    machines = [instance("ml-001", "ada grace")]
    with pytest.raises(SelectionError) as refusal:
        select("retire", student, machines, known=["mary"], roster=["ada"])
    assert re.search(words, str(refusal.value))
    assert len(str(refusal.value).splitlines()) <= 3


def test_only_who_has_a_letter_has_a_link_to_renew() -> None:
    machines = [instance("ml-001", "ada mary"), instance("ml-002", "grace", "stopped")]
    roster = ["ada", "grace"]
    assert select("link", "ada,grace", machines, roster=roster).seats == ["ml-001", "ml-002"]
    with pytest.raises(SelectionError, match=r"Not in the roster any more: mary. (.|\n)*retire.yml -e student=mary"):
        select("link", "mary,ada", machines, roster=roster)
    with pytest.raises(SelectionError, match=r"Who is meant\? (.|\n)*link.yml -e student=ada"):
        select("link", "", machines, roster=roster)


def test_selected_students_come_with_their_machines_and_one_who_left_before_is_passed_over() -> None:
    machines = [instance("ml-001", "ada grace"), instance("ml-002", "mary"), instance("ml-003", "")]
    named = select("retire", "grace, emmy,grace", machines, known=["emmy"])
    assert (named.students, named.instance_ids, named.seats) == (["grace"], ["i-ml-001"], ["ml-001"])
    assert named.instances == machines[:1]
    everybody = select("stop", "", machines)
    assert everybody.seats == ["ml-001", "ml-002", "ml-003"]
    assert everybody.students == ["ada", "grace", "mary"]


def test_a_limit_leaves_its_machines_and_where_only_running_ones_count_the_others_are_known() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace", "stopped"), instance("", "")]
    assert select("collect", "ignored", machines, limit=["ml-002"]).seats == ["ml-002"]
    assert select("stop", "", machines, limit=["ml-001"]).instance_ids == ["i-ml-001"]
    assert select("stop", "grace", machines).instance_ids == []
    with pytest.raises(SelectionError, match="A machine that stopped is in no inventory"):
        select("start", "grace", machines, limit=["ml-002"])


@pytest.mark.parametrize("verb", ["retire", "stop"])
def test_who_sits_outside_of_the_limit_is_refused_and_not_taken_for_one_who_left(verb: str) -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace")]
    with pytest.raises(SelectionError, match=r"On no machine that --limit leaves: ada\. "):
        select(verb, "ada,grace", machines, limit=["ml-002"], known=["ada", "grace"])
    with pytest.raises(SelectionError, match=r"On no machine that --limit leaves: adda\. "):
        select(verb, "adda", machines, limit=["ml-002"], known=["ada"])
    assert select(verb, "grace", machines, limit=["ml-002"]).instance_ids == ["i-ml-002"]


def test_who_left_before_is_passed_over_within_a_limit_too() -> None:
    machines = [instance("ml-001", "ada"), instance("ml-002", "grace")]
    assert select("retire", "emmy,grace", machines, limit=["ml-002"], known=["emmy"]).students == ["grace"]


def test_teardown_refuses_to_end_a_class_for_one_student() -> None:
    with pytest.raises(SelectionError, match=r"ends the whole class, whomever -e student names. Nothing was touched"):
        select("teardown", "ada", [instance("ml-001", "ada")])
    assert select("teardown", "", [instance("ml-001", "ada")]).seats == ["ml-001"]


def test_only_where_it_may_have_been_done_before_one_who_sits_nowhere_is_passed_over() -> None:
    machines = [instance("ml-001", "ada")]
    assert select("retire", "emmy", machines, known=["emmy"]).students == []
    for verb in ("stop", "start"):
        with pytest.raises(SelectionError, match="On no machine that is meant: emmy"):
            select(verb, "emmy", machines, known=["emmy"])


def test_a_space_behind_the_comma_hides_nobody() -> None:
    assert select_from_roster("ada, ben", ["ada", "ben", "mary"]).students == ["ada", "ben"]
    assert select_running("ada, ben", ["ada", "ben"], "ml101").students == ["ada", "ben"]


def test_a_letter_goes_to_students_of_the_roster_or_to_all() -> None:
    assert select_from_roster("all", ["ada", "ben"]).students == ["ada", "ben"]
    assert select_from_roster("", ["ada", "ben"]).students == []
    with pytest.raises(SelectionError, match=r"Not in the roster: adda\. (.|\n)*ada, ben"):
        select_from_roster("ada,adda", ["ada", "ben"])


@pytest.mark.parametrize(
    ("student", "words"),
    [("", "Whose work"), (" ,", "Whose work"), ("ada,adda", "On no running machine of ml101: adda")],
)
def test_work_is_restored_on_running_machines_alone(student: str, words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        select_running(student, ["ada"], "ml101")


def test_who_sits_outside_of_the_limit_gets_no_work_restored() -> None:
    with pytest.raises(SelectionError, match="On no running machine of ml101 that --limit leaves: ada"):
        select_running("ada", [], "ml101", limited=True)


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
    assert words in check_abandoned(abandon, [instance("ml-001", "ada")], "class_abandon_work")
    assert check_abandoned(["ada", "mary"], [instance("ml-001", "ada")], "class_abandon_work", ["mary"]) == ""


def test_all_mistakes_of_the_lists_of_abandoned_work_are_said_at_once() -> None:
    with pytest.raises(SelectionError, match=r"Nothing was touched: class_a must be a list(.|\n)*class_b names emmy"):
        refuse_unknown_abandoned({"class_a": "ada", "class_b": ["emmy"]}, [instance("ml-001", "ada")])
    refuse_unknown_abandoned({"class_a": [], "class_b": ["ada"]}, [instance("ml-001", "ada")])
