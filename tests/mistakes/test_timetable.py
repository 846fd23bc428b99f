"""The hours of a class: those that cannot be kept, and a term that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.rooms import HERE

if TYPE_CHECKING:
    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

OVER = {"zone": "Europe/Berlin", "hours": ["Mon,Wed 08:00-18:00"], "last_day": "2026-02-12"}
STILL = (
    "The last day of the class was 2026-02-12. What still costs money: 2 machines with their disks, of which 1 run. "
    "The disks are 4.80 $ a month, what runs 58.55 $ more if it runs on. teardown.yml brings all "
    "work home and ends them."
)


@pytest.mark.parametrize("verb", ["provision.yml", "start.yml"])
def test_hours_that_cannot_be_kept_are_refused_before_aws_is_asked(desk: Desk, verb: str) -> None:
    shown = desk.play(f"{HERE} {verb}", class_timetable={"zone": "Berlin", "hours": ["Mon"], "last_day": "soon"})
    assert shown.failure == (
        "class_timetable (group_vars/all/class.yml) cannot be kept:\n"
        "zone: there is no time zone 'Berlin'. Do you mean Europe/Berlin?\n"
        "hours: 'Mon' is no hours; a line is \"Mon,Wed 08:00-18:00\", with its quotation marks.\n"
        "last_day: 'soon' is no day such as 2027-02-12."
    )
    assert desk.aws.requests == []


@pytest.mark.parametrize("verb", ["provision.yml", "plan.yml"])
def test_a_time_zone_that_does_not_exist_is_refused_before_a_launch(desk: Desk, verb: str) -> None:
    assert desk.play(f"{HERE} {verb}", class_time_zone="Berlin", timeout=900).failure == (
        "There is no time zone 'Berlin'. Do you mean Europe/Berlin?\n"
        "Nothing was launched. Set class_time_zone in group_vars/all/class.yml, then run again."
    )
    assert not desk.aws.made


@pytest.mark.parametrize("verb", ["status.yml", "teardown.yml --check"])
def test_after_the_last_day_it_is_said_what_still_costs(desk: Desk, rooms: Rooms, verb: str) -> None:
    rooms.add("ada")
    rooms.ec2.stop_instances(InstanceIds=[rooms.add("grace")])
    shown = desk.play(f"{HERE} {verb}", class_timetable=OVER)
    assert STILL in " ".join(shown.text.split())
    assert "What still costs" not in desk.play(f"{HERE} {verb}", class_timetable={}).text
