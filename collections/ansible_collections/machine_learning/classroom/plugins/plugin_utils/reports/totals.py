"""A class in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import cents
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import (
    ANSWERS,
    NOTHING,
    RUNNING,
    SPARE,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import Line
    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import Trouble


def class_totals(
    lines: Sequence[Line], troubles: Sequence[Trouble], spent: Decimal | None = None
) -> dict[str, int | str]:
    """Count who cannot work, students, and machines by what they do; `spent` is in USD, None if unknown."""
    states = {line.seat: line.state for line in lines if line.seat != NOTHING}
    return {
        "in trouble": len(set().union(*(trouble.places for trouble in troubles if trouble.urgent))),
        "students": sum(bool(line.username) for line in lines),
        "machines": len(states),
        "running": sum(state == RUNNING for state in states.values()),
        "spare": sum(line.note == SPARE for line in lines),
        "Jupyter works": sum(line.jupyter == ANSWERS for line in lines),
        **({} if spent is None else {"cost so far": f"{cents(spent)} $"}),
    }


def in_words(totals: Mapping[str, int | str]) -> str:
    """Say them in one line."""
    return " · ".join(f"{name}: {number}" for name, number in totals.items())
