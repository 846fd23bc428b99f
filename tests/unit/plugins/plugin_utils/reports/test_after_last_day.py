"""What is said once the term is over."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import Tariff
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.after_last_day import after_last_day

if TYPE_CHECKING:
    from collections.abc import Sequence

TERM = {"zone": "Europe/Berlin", "hours": ["Mon,Wed 08:00-18:00"], "last_day": "2027-02-12"}
LAST_EVENING, NEXT_MORNING = (datetime(2027, 2, 12, hour, 30, tzinfo=UTC) for hour in (22, 23))
ENDS = "teardown.yml brings all work home and ends them."


def machines(*states: str) -> list[dict[str, Any]]:
    """Return machines in these states."""
    return [{"state": {"name": state}, "instance_type": "m6a.large"} for state in states]


def priced(types: Sequence[str], disk: str | None = "0.08") -> Tariff:
    """Say what AWS takes; without a price of disks, that it may not be asked."""
    hours = {name: Price(Decimal("0.0914"), date(2027, 2, 1)) for name in types}
    unknown = "" if disk else "AWS does not permit it"
    return Tariff(hours, Price(Decimal(disk) if disk else None, date(2027, 2, 1), unknown))


def unasked(_types: Sequence[str]) -> Tariff:
    """Fail: nobody is to be asked."""
    raise AssertionError


def test_machines_that_there_still_are_are_counted_with_the_price_of_a_month() -> None:
    assert after_last_day(machines("running", "stopped", "stopped"), TERM, 30, priced, NEXT_MORNING) == (
        "The last day of the class was 2027-02-12. What still costs money: 3 machines with their disks, of which 1 run."
        f" The disks are 7.20 $ a month, what runs 66.72 $ more if it runs on. {ENDS}"
    )
    assert after_last_day(machines("stopped"), TERM, 50, priced, NEXT_MORNING).endswith(
        f"of which 0 run. The disks are 4.00 $ a month. {ENDS}"
    )


def test_a_price_that_is_not_known_is_said_to_be_so() -> None:
    said = after_last_day(machines("stopped"), TERM, 30, lambda types: priced(types, None), NEXT_MORNING)
    assert said.endswith(f"The disks are an unknown sum a month (AWS does not permit it). {ENDS}")


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
    assert after_last_day(instances, timetable, 30, unasked, now) == ""
