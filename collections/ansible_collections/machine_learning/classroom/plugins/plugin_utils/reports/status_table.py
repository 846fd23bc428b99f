"""The class at a glance, as a table: who has which machine, and whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import read
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import (
    NOTHING,
    Line,
    class_lines,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS = {
    "SEAT": "seat",
    "STUDENT": "who",
    "STATE": "state",
    "TYPE": "instance_type",
    "STOPS": "stops",
    "ADDRESS": "address",
    "JUPYTER": "jupyter",
    "DISK": "disk",
    "IDLE": "idle",
    "OPENED": "opened",
    "CERTIFICATE": "certificate",
    "COLLECTED": "collected_ago",
    "COST": "cost",
    "LETTER": "letter",
}
"""Each column's heading, and the attribute of a Line that it shows."""

IF_KNOWN = {"DISK", "IDLE", "OPENED", "CERTIFICATE", "COLLECTED", "COST"}
"""Columns that are left out where nothing is known for anybody."""


def shown_columns(lines: Sequence[Line]) -> dict[str, str]:
    """Return those of COLUMNS that have something to show."""
    return {
        heading: name
        for heading, name in COLUMNS.items()
        if heading not in IF_KNOWN or any(getattr(line, name) != NOTHING for line in lines)
    }


def laid_out(lines: Sequence[Line]) -> str:
    """Lay the lines out as a text table."""
    columns = shown_columns(lines)
    rows = [tuple(columns), *(tuple(getattr(line, name) for name in columns.values()) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def status_table(
    instances: Sequence[Mapping[str, Any]],
    students: Sequence[Mapping[str, Any]],
    answering: Mapping[str, bool],
    accounts: Mapping[str, Mapping[str, Any]],
    state_dir: str,
    max_hours: int,
    timetable: Any = None,
) -> str:
    """Lay out what `class_lines` makes of the same, where nothing else was seen.

    `timetable` is `class_timetable`. Raise TimetableError.
    """
    return laid_out(class_lines(instances, students, answering, accounts, state_dir, max_hours, read(timetable)))
