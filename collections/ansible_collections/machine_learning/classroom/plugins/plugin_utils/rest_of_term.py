"""What a timetable says about costs: when machines stop themselves, and what is left of the term."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import Term
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import HOURS_A_MONTH
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import (
    Timetable,
    TimetableError,
    read,
)

if TYPE_CHECKING:
    from datetime import datetime


def timetable_of(setting: Any) -> Timetable | None:
    """Return what `class_timetable` says; None where it says nothing, or has mistakes: the role hours names them."""
    try:
        return read(setting)
    except TimetableError:
        return None


def rest_of_term(timetable: Timetable | None, now: datetime) -> Term | None:
    """Return what is left of the term; None where that is not known, or nothing is."""
    if timetable is None or timetable.is_over(now):
        return None
    left = timetable.left(now)
    days = (timetable.last_day - now.astimezone(timetable.zone).date()).days + 1
    return Term(left.days, Decimal(str(left.hours)), Decimal(days * 24) / HOURS_A_MONTH)
