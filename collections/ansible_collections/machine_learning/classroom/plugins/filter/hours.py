"""Filters about the hours of the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import (
    DAYS,
    Timetable,
    TimetableError,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def hours_calendar(timetable: Any, earlier_min: int = 0) -> list[str]:
    """Write when machines stop, or so much earlier, as systemd takes it; never, without a timetable."""
    read_ = _read(timetable)
    return read_.calendar(earlier_min) if read_ else []


def hours_words(timetable: Any, days: Sequence[str] | None = None) -> str:
    """Say when machines stop, with these names of the days, or English ones; nothing, without a timetable."""
    read_ = _read(timetable)
    return read_.words(days or DAYS) if read_ else ""


def _read(timetable: Any) -> Timetable | None:
    try:
        return read(timetable)
    except TimetableError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"hours_calendar": hours_calendar, "hours_words": hours_words}
