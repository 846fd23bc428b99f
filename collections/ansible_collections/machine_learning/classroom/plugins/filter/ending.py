"""Filters about taking machines down, and about what is safe."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import weigh
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.replacement import exchange
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.collect_summary import collect_summary
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import (
    given_up_mistake,
    named_students,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def weighed(*arguments: Any, **named: Any) -> dict[str, Any]:
    """Weigh machines; see `module_utils.ending.weigh`."""
    return asdict(weigh(*arguments, **named))


def students_named(*arguments: Any, **named: Any) -> dict[str, Any]:
    """Find the students who are meant; see `module_utils.ending.named_students`."""
    return asdict(named_students(*arguments, **named))


def machines_exchanged(*arguments: Any, **named: Any) -> dict[str, Any]:
    """Find what is to be exchanged; see `module_utils.ending.exchange`."""
    return asdict(exchange(*arguments, **named))


def brought_home(machines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what was brought home from each machine that could be asked, by seat, from the machines' variables."""
    outcomes = {machine["inventory_hostname"]: machine.get("work_brought_home") for machine in machines}
    return {seat: outcome for seat, outcome in outcomes.items() if outcome is not None}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "brought_home": brought_home,
            "collect_summary": collect_summary,
            "given_up_mistake": given_up_mistake,
            "machines_exchanged": machines_exchanged,
            "students_named": students_named,
            "weighed": weighed,
        }
