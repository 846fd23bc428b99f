"""The tests in stages: what CI runs, or everything, or the stages that are named. `bin/test` calls it.

Each stage is one command. Its output is shown as it comes; a JUnit file in build/ keeps the outcome.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree

from tools.roles import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

BUILD = PROJECT / "build"
# How much of a failed command's output its JUnit file quotes.
QUOTED = 20_000
Within = Literal["both", "ci", "all"]
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True)
class Stage:
    """A command whose exit status says whether it passed."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    within: Within = "both"

    @property
    def report(self) -> Path:
        """Its JUnit file."""
        return BUILD / f"{self.name.replace(' ', '-')}.xml"


@dataclass(frozen=True)
class Outcome:
    """How a stage went."""

    stage: Stage
    seconds: float
    passed: bool
    tests: int
    skipped: int

    def __str__(self) -> str:
        """Say it in a line."""
        counted = f", {self.tests} tests" if self.tests > 1 else ""
        skipped = f", {self.skipped} of them skipped" if self.skipped else ""
        return (
            f"{self.stage.name}: {'passed' if self.passed else 'FAILED'} in {duration(self.seconds)}{counted}{skipped}"
        )


def pytest(name: str, *arguments: str, needs: tuple[str, ...] = (), within: Within = "both") -> Stage:
    """Make a stage of tests, which write their JUnit file themselves."""
    options = ("--quiet", "--color=no", "--durations=5", f"--junitxml={Stage(name, ()).report}")
    return Stage(name, (".venv/bin/pytest", *options, *arguments), needs, within)


# For tests that need no lab, of which there is only one: on all cores, the tests of a file together.
ON_ALL_CORES = ("--numprocesses=auto", "--dist=loadfile")


def stages() -> list[Stage]:
    """List all stages in the order in which they run: what is quick to fail comes first."""
    return [
        Stage("lint", ("bin/lint",)),
        pytest("unit", *ON_ALL_CORES, "tests/unit"),
        pytest("mistakes", *ON_ALL_CORES, "tests/mistakes"),
        Stage("browser", ("bin/browser",)),
        pytest("lab", "tests/lab"),
        pytest("class", "--exitfirst", "tests/e2e", needs=("browser",)),
        pytest("verbs", "tests/verbs", within="all"),
        pytest("attacks", "tests/attacks"),
        # `make test` is to end within half an hour: it leaves the other faults to `make test-all`.
        pytest("some faults", "tests/faults/test_provision_ended.py", "--kills=2", within="ci"),
        pytest("faults", "tests/faults", within="all"),
        Stage("molecule", ("bin/molecule",)),
        Stage("molecule debian-13", ("env", "HOST_IMAGE=debian-13", "bin/molecule"), within="all"),
        pytest("new role", "tests/roles", within="all"),
        pytest("environment", "tests/environment", within="all"),
    ]


def chosen(available: Sequence[Stage], names: Iterable[str], *, everything: bool) -> list[Stage]:
    """Pick stages by name and what they need; without names what CI runs, or everything."""
    wanted = set(names)
    if not wanted:
        return [stage for stage in available if stage.within in ("both", "all" if everything else "ci")]
    unknown = wanted - {stage.name for stage in available}
    if unknown:
        listed = ", ".join(stage.name for stage in available)
        raise SystemExit(f"There is no stage {', '.join(sorted(unknown))}. There are: {listed}")
    wanted |= {need for stage in available if stage.name in wanted for need in stage.needs}
    return [stage for stage in available if stage.name in wanted]


def run(stage: Stage) -> Outcome:
    """Run a stage, show what it says, and keep its outcome."""
    print(f"\n── {stage.name} ──", flush=True)
    stage.report.unlink(missing_ok=True)
    began = time.monotonic()
    said = b""
    with subprocess.Popen(
        stage.command,
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        while chunk := os.read(process.stdout.fileno(), 65536) if process.stdout else b"":
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            said = (said + chunk)[-QUOTED:]
    seconds, passed = time.monotonic() - began, process.returncode == 0
    if not stage.report.exists():
        write_report(stage, seconds, "" if passed else said.decode(errors="replace"))
    suites = list(ElementTree.parse(stage.report).getroot().iter("testsuite"))  # noqa: S314 - we wrote it ourselves
    tests, skipped = (sum(int(suite.get(what, 0)) for suite in suites) for what in ("tests", "skipped"))
    return Outcome(stage, seconds, passed, tests, skipped)


def write_report(stage: Stage, seconds: float, failure: str) -> None:
    """Write the JUnit file of a stage whose command writes none: a single test, with the end of what it said."""
    times = {"time": f"{seconds:.3f}"}
    suites = ElementTree.Element("testsuites")
    counts = {"tests": "1", "failures": str(int(bool(failure))), "errors": "0", "skipped": "0"}
    suite = ElementTree.SubElement(suites, "testsuite", {"name": stage.name, **counts, **times})
    case = ElementTree.SubElement(suite, "testcase", {"classname": "stage", "name": stage.name, **times})
    if failure:
        message = {"message": f"{' '.join(stage.command)} failed"}
        ElementTree.SubElement(case, "failure", message).text = NOT_IN_XML.sub("", failure)
    stage.report.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suites).write(stage.report, encoding="utf-8", xml_declaration=True)


def duration(seconds: float) -> str:
    """Say a duration as people do."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def main() -> int:
    """Run the stages, each to its end, and add them up."""
    available = stages()
    parser = argparse.ArgumentParser(prog="bin/test", description="Run the tests, a stage at a time.")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(stage.name for stage in available))
    parser.add_argument("--all", action="store_true", help="every stage; without it, and without names, what CI runs")
    options = parser.parse_args()
    outcomes = []
    for stage in chosen(available, options.stages, everything=options.all):
        outcomes.append(run(stage))
        print(outcomes[-1], flush=True)
    print("", *outcomes, sep="\n")
    failed = [outcome.stage.name for outcome in outcomes if not outcome.passed]
    total, tests = duration(sum(outcome.seconds for outcome in outcomes)), sum(outcome.tests for outcome in outcomes)
    verdict = f"Failed: {', '.join(failed)}" if failed else "Everything passed."
    print(f"\nStages: {len(outcomes)}, tests: {tests}, time: {total}. {verdict}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
