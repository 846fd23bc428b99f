"""Settings that nobody could use: all named at once, by every command, before anything is asked of AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.desk import Desk

WRONG: dict[str, Any] = {
    "class_roster": ["a.csv"],
    "class_access": None,
    "class_spare_machine": 2,
    "class_max_hours": "4",
}


def test_all_faults_are_named_at_once_and_nothing_is_asked(desk: Desk) -> None:
    for playbook in ("provision.yml", "status.yml", "plan.yml --check", "handback.yml"):
        shown = desk.play(playbook, **WRONG)
        assert shown.failure == (
            "The class cannot have these settings (group_vars/all/class.yml, or -e):\n"
            "  class_spare_machine is no setting. Was class_spare_machines meant?\n"
            '  class_roster is read as a list. It has to be a text, such as "ml101".\n'
            "  class_max_hours is read as a text. Write it without quotes, in a template with `| int`, "
            "with -e as JSON: -e '{\"class_max_hours\": 4}'\n"
            '  class_access has no value. It has to be a list of texts, such as ["a", "b"]; [] is none.'
        )
    assert {request.action for request in desk.aws.requests} <= {"DescribeInstances"}  # the inventory's


def test_what_brings_work_home_and_ends_machines_only_says_so(desk: Desk) -> None:
    shown = desk.play("stop.yml -e class_max_hours=4 -e class_room=B12")
    assert shown.code == 0, shown.text
    assert "class_max_hours is read as a text." in shown.text
    assert "class_room is no setting of a class." in shown.text


def test_a_setting_that_cannot_be_evaluated_is_for_who_uses_it(desk: Desk) -> None:
    """So is a vault without its password."""
    assert desk.play("stop.yml", class_mirror_url="{{ nothing }}").code == 0
    assert "class_room is no setting of a class." in desk.play("status.yml -e class_room=B12").text


def test_ways_in_by_which_nobody_could_get_in_are_refused_by_whoever_opens_them(desk: Desk) -> None:
    for line in ("plan.yml", "start.yml -e student=ada", "provision.yml"):
        words = desk.play(line, class_access=["https"], class_students_per_machine=2).failure
        assert words.startswith('With class_access: ["https"] in group_vars/all/class.yml students cannot get in.\n')
    assert not desk.aws.made


def test_what_is_about_the_class_as_a_whole_refuses_a_part_of_it(desk: Desk) -> None:
    limited = "--limit localhost"
    plan, handback = (desk.play(f"{line} {limited}").failure for line in ("plan.yml", "handback.yml"))
    assert plan == "plan.yml shows what the class as a whole costs: run it without --limit."
    assert handback.endswith("looks at all the work at home: run it without --limit.")
