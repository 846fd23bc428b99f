"""What still costs when the term is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNNING = ("pending", "running")


def after_last_day(instances: Sequence[Mapping[str, Any]], timetable: Any, now: datetime | None = None) -> str:
    """Say which of the machines `instances` still cost, and what ends that; nothing before the last day is over.

    `timetable` is `class_timetable`, `now` has a time zone. Raise TimetableError.
    """
    term = read(timetable)
    if term is None or not instances or not term.is_over(now or datetime.now(UTC)):
        return ""
    run = sum(instance["state"]["name"] in RUNNING for instance in instances)
    return (
        f"The last day of the class was {term.last_day}. What still costs money: {len(instances)} machines with their "
        f"disks, of which {run} run. teardown.yml brings all work home and ends them."
    )
