"""Ratios come out as they would by hand, and never from what was not measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from benchmarks.goals import Goal, goals
from benchmarks.measure import Run
from benchmarks.results import Results

OURS, BEFORE = "nothing to change: ours", "nothing to change: before"


def runs(variant: str, n: int, *walls: float, **others: Any) -> list[Run]:
    """Make runs of a variant that differ in their wall."""
    figures: dict[str, Any] = {"control_cpu_s": 1.0, "control_mb": 100.0} | others
    return [dataclasses.replace(Run(variant, n, number, wall, 0, 0), **figures) for number, wall in enumerate(walls, 1)]


def row(what: str) -> Goal:
    """Return the one row of that name."""
    (found,) = (goal for goal in goals(12) if goal.what == what)
    return found


def test_medians_are_compared() -> None:
    results = Results(runs(OURS, 12, 5, 6, 90) + runs(BEFORE, 12, 24, 20, 30), {})
    goal = row("nothing to change: wall, ours : before, N = 12")
    assert goal.measured(results) == 6 / 24
    assert goal.ratio(results) == 1


def test_what_was_not_measured_has_no_ratio() -> None:
    results = Results(runs(OURS, 12, 5), {})
    goal = row("nothing to change: wall, ours : before, N = 12")
    assert (goal.measured(results), goal.ratio(results)) == (None, None)
    assert all(goal.measured(Results([], {})) is None for goal in goals(12))


def test_the_cost_of_a_machine_is_what_each_one_more_adds() -> None:
    results = Results(
        runs(OURS, 1, 1, control_cpu_s=2) + runs(OURS, 12, 1, control_cpu_s=4.2) + runs(OURS, 24, 1, control_cpu_s=7.2),
        {},
    )
    growth = row("nothing to change: control CPU for each machine more, N 12→24 : 1→12")
    assert row("nothing to change: control CPU per machine beyond the fixed part, N = 12, s").measured(
        results
    ) == pytest.approx(0.2)
    assert growth.measured(results) == pytest.approx(0.25 / 0.2)
    assert growth.ratio(results) == pytest.approx(1.25 / 1.1)


def test_provision_and_configure_add_up_to_the_way_from_nothing() -> None:
    walls = {"provision: plain": 25, "configure: plain": 100, "provision: baked": 20, "configure: baked": 30}
    results = Results([run for what, wall in walls.items() for run in runs(f"from nothing, {what}", 12, wall)], {})
    assert row("nothing → all answer: wall, baked : plain, N = 12").measured(results) == 50 / 125


def test_a_role_is_held_against_the_better_of_the_others() -> None:
    took = {"ours": 2.0, "conventional": 10.0, "pyinfra": 4.0}
    measured = [run for tool, cpu in took.items() for run in runs(f"student, first: {tool}", 12, 1, control_cpu_s=cpu)]
    goal = row("role student, first: control CPU, ours : better of conventional and pyinfra")
    assert goal.measured(Results(measured, {})) == 0.5
    assert goal.measured(Results([run for run in measured if "pyinfra" not in run.variant], {})) is None


def test_the_memory_of_a_run_is_the_most() -> None:
    measured = runs("loopback, nothing to change: ours", 400, 1, control_mb=500)
    measured += runs("loopback, nothing to change: ours", 400, 1, control_mb=700)
    assert row("loopback: control node's memory, N = 400, MB").measured(Results(measured, {})) == 700


@pytest.mark.parametrize("command", ["plan", "status"])
def test_a_look_may_take_so_much_for_itself_and_for_each_machine(command: str) -> None:
    variant = f"loopback, {command}: ours"
    results = Results(
        runs(variant, 24, 1, control_cpu_s=9.8, executions=24) + runs(variant, 400, 1, control_cpu_s=42.5), {}
    )
    for n, share in ((24, 1), (400, 0.5)):
        what = f"loopback: {command}.yml, control CPU : 5 s + 0.2 s a machine, N = {n}"
        assert row(what).ratio(results) == pytest.approx(share)
    assert row(f"loopback: {command}.yml, executions per machine").ratio(results) == 1


def test_who_walks_in_by_the_link_stands_beside_who_comes_by_ssh() -> None:
    measured = {"spare machine: https": (30, 40, 32), "spare machine: ssh": (28,), "launched for it: https": (96,)}
    results = Results([run for what, walls in measured.items() for run in runs(f"walk in, {what}", 1, *walls)], {})
    assert row("walk in: from the roster's line to the clicked link, spare machine, s").measured(results) == 32
    assert row("walk in: the same by ssh alone, through its tunnel, s").measured(results) == 28
    assert row("walk in: by the link, launched : spare machine").measured(results) == 3
