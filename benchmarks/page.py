"""docs/performance.md, and the table as the benchmark prints it: both from what is in benchmarks/results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

from benchmarks.goals import Goal, goals
from benchmarks.options import BEFORE
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.results import Results

PATH = PROJECT / "docs" / "performance.md"
TEMPLATE = PROJECT / "benchmarks" / "performance.md.j2"
ORIGIN = ("date", "commit", "cpu", "load", "python", "ansible-core", "ssh", "pyinfra", "minutes")
FIGURES = ("wall_s", "control_cpu_s", "control_mb", "machine_cpu_s", "executions", "api_requests", "bytes")
NONE = "-"


def number(value: float | None) -> str:
    """Show a figure with as many digits as tell something."""
    if value is None:
        return NONE
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.{1 if abs(value) >= 10 else 2}f}"


def row(goal: Goal, results: Results) -> list[str]:
    """Return what, measured, goal, ratio, proven, means."""
    most = f"≤ {goal.most:g}" if goal.most is not None else "said"
    ratio = goal.ratio(results)
    judged = "" if goal.most is None else NONE if ratio is None else f"{ratio:.2f}{'' if ratio <= 1 else ' (missed)'}"
    return [goal.what, number(goal.measured(results)), most, judged, goal.proven, goal.means]


def figures(results: Results) -> Iterable[list[str]]:
    """Yield the medians of every variant."""
    for variant in results.variants:
        for n in results.sizes(variant):
            medians = {name: results.figure(variant, n, name) for name in FIGURES}
            if medians["bytes"] is not None:
                medians["bytes"] /= 1000
            times = sum((run.variant, run.n) == (variant, n) for run in results.runs)
            yield [variant, str(n), str(times), *map(number, medians.values())]


def picture(title: str, unit: str, bars: Sequence[tuple[str, float | None]]) -> str:
    """Draw bars, in the language of which GitHub makes a picture; nothing if there are none."""
    known = [(name, value) for name, value in bars if value is not None]
    if not known:
        return ""
    names = ", ".join(f'"{name}"' for name, _ in known)
    heights = ", ".join(f"{value:.2f}" for _, value in known)
    most = max(value for _, value in known)
    lines = [f'title "{title}"', f"x-axis [{names}]", f'y-axis "{unit}" 0 --> {most * 1.1:.2f}', f"bar [{heights}]"]
    return "\n    ".join(["```mermaid\nxychart-beta", *lines]) + "\n```"


def pictures(results: Results) -> list[str]:
    """Draw what the table tells best."""
    n = results.n

    def compare(case: str, name: str, whos: Sequence[str]) -> list[tuple[str, float | None]]:
        return [(who, results.figure(f"{case}: {who}", n, name)) for who in whos]

    grown = [
        (f"{where}{size}", value / size)
        for where, variant in (("", "nothing to change: ours"), ("loopback ", "loopback, nothing to change: ours"))
        for size in results.sizes(variant)
        if (value := results.figure(variant, size, "control_cpu_s"))
    ]
    whos = ("before", "forced", "ours", "raw", "inventory", "ssh")
    drawn = [
        picture(f"Nothing to change, {n} machines", "seconds", compare("nothing to change", "wall_s", whos)),
        picture("Nothing to change, by number of machines", "control CPU seconds a machine", grown),
        picture(
            f"From nothing until {n} notebooks answer",
            "seconds",
            [
                (who, sum(parts))
                for who in ("before", "plain", "baked")
                if len(parts := _known(results, who, n)) == len(STEPS)
            ],
        ),
    ]
    return [each for each in drawn if each]


STEPS = ("provision", "configure")


def _known(results: Results, who: str, n: int) -> list[float]:
    found = [results.figure(f"from nothing, {step}: {who}", n, "wall_s") for step in STEPS]
    return [value for value in found if value is not None]


def text(results: Results) -> str:
    """Write the page."""
    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - Markdown, from figures of our own
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.from_string(TEMPLATE.read_text()).render(
        before=BEFORE,
        rows=[row(goal, results) for goal in goals(results.n)],
        pictures=pictures(results),
        figures=list(figures(results)),
        origins=results.origin,
        origin_names=ORIGIN,
    )


def printed(results: Results) -> str:
    """Return the rows of which something was measured, for a terminal."""
    rows = [["WHAT", "MEASURED", "GOAL", "RATIO TO THE GOAL"]]
    rows += [shown[:4] for goal in goals(results.n) if (shown := row(goal, results))[1] != NONE]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, each, widths)).rstrip() for each in rows)
