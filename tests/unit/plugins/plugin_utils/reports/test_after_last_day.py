"""What is said once the term is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.after_last_day import after_last_day

TERM = {"zone": "Europe/Berlin", "hours": ["Mon,Wed 08:00-18:00"], "last_day": "2027-02-12"}
LAST_EVENING, NEXT_MORNING = (datetime(2027, 2, 12, hour, 30, tzinfo=UTC) for hour in (22, 23))


def machines(*states: str) -> list[dict[str, Any]]:
    return [{"state": {"name": state}} for state in states]


def test_machines_that_there_still_are_are_counted() -> None:
    assert after_last_day(machines("running", "stopped", "stopped"), TERM, NEXT_MORNING) == (
        "The last day of the class was 2027-02-12. What still costs money: 3 machines with their disks, of which 1 run."
        " teardown.yml brings all work home and ends them."
    )


@pytest.mark.parametrize(
    ("instances", "timetable", "now"),
    [
        (machines("running"), TERM, LAST_EVENING),
        (machines("running"), {}, NEXT_MORNING),
        ([], TERM, NEXT_MORNING),
    ],
)
def test_before_the_last_day_is_over_without_machines_and_without_a_timetable_nothing_is_said(
    instances: list[dict[str, Any]], timetable: dict[str, Any], now: datetime
) -> None:
    assert after_last_day(instances, timetable, now) == ""
