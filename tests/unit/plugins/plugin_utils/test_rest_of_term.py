"""What a timetable says about costs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.rest_of_term import rest_of_term, timetable_of

HOURS: dict[str, Any] = {"zone": "Europe/Berlin", "hours": ["Mon,Wed 08:00-13:00"], "last_day": "2027-02-10"}


def test_what_is_left_of_a_term() -> None:
    begun = datetime(2027, 2, 1, 10, 0, tzinfo=UTC)  # a Monday, at eleven in Berlin: two hours are left of class
    term = rest_of_term(timetable_of(HOURS), begun)
    assert term is not None
    assert (term.days, term.hours) == (4, Decimal("17.0"))
    assert term.months == pytest.approx(Decimal(10 * 24) / 730)


@pytest.mark.parametrize("setting", [{}, "", {"zone": "Mars"}, "Mon"])
def test_without_a_timetable_or_with_one_that_cannot_be_kept_nothing_is_known(setting: Any) -> None:
    assert rest_of_term(timetable_of(setting), datetime(2027, 2, 1, tzinfo=UTC)) is None


def test_after_the_last_day_nothing_is_known() -> None:
    assert rest_of_term(timetable_of(HOURS), datetime(2027, 2, 10, 20, tzinfo=UTC)) is not None
    assert rest_of_term(timetable_of(HOURS), datetime(2027, 2, 11, tzinfo=UTC)) is None
