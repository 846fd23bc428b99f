"""A class in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import (
    ANSWERS,
    NOTHING,
    RUNNING,
    SPARE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import Line
    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import Trouble


def class_totals(lines: Sequence[Line], troubles: Sequence[Trouble]) -> dict[str, int]:
    """Count who cannot work, students, and machines by what they do."""
    states = {line.seat: line.state for line in lines if line.seat != NOTHING}
    return {
        "in trouble": len({(line.seat, line.username) for one in troubles if one.urgent for line in one.lines}),
        "students": sum(bool(line.username) for line in lines),
        "machines": len(states),
        "running": sum(state == RUNNING for state in states.values()),
        "spare": sum(line.note == SPARE for line in lines),
        "Jupyter works": sum(line.jupyter == ANSWERS for line in lines),
    }


def in_words(totals: dict[str, int]) -> str:
    """Say them in one line."""
    return " · ".join(f"{name}: {number}" for name, number in totals.items())
