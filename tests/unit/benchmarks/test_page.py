"""The page and the table show what is in the results, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from benchmarks import page
from benchmarks.measure import Run
from benchmarks.results import Results

OURS, BEFORE = "nothing to change: ours", "nothing to change: before"
MEASURED = [
    Run(BEFORE, 12, 1, 25.6, 26.6, 310, 19.6, 96, 17, 900_000),
    Run(OURS, 12, 1, 5.81, 5.6, 120, 3.9, 12, 11, 400_000),
]


def rows(text: str) -> dict[str, list[str]]:
    """Read the tables of a page, by the first cell of a row."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in cells}


def test_a_goal_that_is_met_and_one_that_is_missed() -> None:
    shown = rows(page.text(Results(MEASURED, {})))
    assert shown["nothing to change: wall, ours : before, N = 12"][:4] == ["0.23", "≤ 0.25", "0.91", "0.23"]
    slower = Results([MEASURED[0], dataclasses.replace(MEASURED[1], wall_s=12.8)], {})
    assert rows(page.text(slower))["nothing to change: wall, ours : before, N = 12"][2] == "2.00 (missed)"


def test_all_figures_of_a_variant() -> None:
    shown = rows(page.text(Results(MEASURED, {})))
    assert shown[OURS] == ["12", "1", "5.81", "5.60", "120", "3.90", "12", "11", "400"]


def test_a_figure_that_was_not_measured_is_a_dash() -> None:
    assert rows(page.text(Results([Run(OURS, 12, 1, 1.0, 1.0, 1.0)], {})))[OURS][-4:] == ["-"] * 4


def test_the_picture_has_a_bar_for_each_variant_that_ran() -> None:
    (picture,) = (each for each in page.pictures(Results(MEASURED, {})) if "12 machines" in each)
    assert 'x-axis ["before", "ours"]' in picture
    assert "bar [25.60, 5.81]" in picture


def test_a_terminal_sees_only_what_was_measured() -> None:
    shown = page.printed(Results(MEASURED, {}))
    assert "executions per machine" in shown
    assert "loopback" not in shown


def test_what_is_kept_is_read_again_and_a_part_replaces_only_its_own(tmp_path: Path) -> None:
    results = Results([], {})
    results.replace("configure", MEASURED, {"cpu": "made up", "n": "12"})
    results.save(tmp_path)
    again = Results.load(tmp_path)
    assert (again.runs, again.origin) == (results.runs, results.origin)
    other = Run("student, first: ours", 12, 1, 1.0, 1.0, 1.0)
    again.replace("roles", [other], {"n": "12"})
    again.replace("configure", MEASURED[:1], {"n": "12"})
    assert again.runs == [other, MEASURED[0]]
    assert page.text(again) != page.text(results)
