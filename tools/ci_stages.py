"""The tests in stages: what CI runs, or everything, or the stages that are named. `bin/test` calls it.

Each stage is one command; a JUnit file in build/ keeps its outcome. A machine has one lab, so the stages that need it
run one after the other, and their output is shown as it comes. They often wait for a host: beside them run, also one
after the other, the stages that need no lab, on what the hosts leave of one core; their output is shown when they end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tools import PROJECT, junit
from tools.molecule_scenarios import LONGEST, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

BUILD = PROJECT / "build"
# How much of a failed command's output its JUnit file quotes.
QUOTED = 20_000
BAKE_ENDED, CHANGE_OVER_ENDED = (f"tests/faults/test_{what}.py" for what in ("bake_ended", "front_changeover"))
# A class, and what is long in its tests.
CLASS_LONG = ("1_fresh_class", "2_one_click")
# How nice a stage is that runs beside those of the lab: they wait for nobody, and it need not be ready before they are.
BESIDE = 10


@dataclass(frozen=True)
class Stage:
    """A command whose exit status says whether it passed."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    ci: bool = True
    lab: bool = True

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


def pytest(name: str, *arguments: str, needs: tuple[str, ...] = (), ci: bool = True, lab: bool = True) -> Stage:
    """Make a stage of tests, which write their JUnit file themselves; without the lab on all cores."""
    options = ("--quiet", "--color=no", "--durations=5", f"--junitxml={Stage(name, ()).report}")
    cores = () if lab else ("--numprocesses=auto", "--dist=loadfile")
    return Stage(name, (".venv/bin/pytest", *options, *cores, *arguments), needs, ci, lab)


def stages() -> list[Stage]:
    """List all stages, those with and those without the lab in the order in which they run."""
    return [
        Stage("lint", ("bin/lint",), lab=False),
        pytest("unit", "-m", "not long", "tests/unit", lab=False),
        pytest("mistakes", "-m", "not long", "tests/mistakes", lab=False),
        pytest("long", "-m", "long", "tests/unit", "tests/mistakes", ci=False, lab=False),
        # Half an hour, most of it ec2_instance's: it is left to `make test-all`.
        pytest("scale", "tests/scale", ci=False, lab=False),
        # They need no lab, but what is installed here: nothing that installs packages, too, is to run beside that.
        Stage("packages", ("bin/test-packages",)),
        pytest("page", "tests/page", needs=("packages",)),
        pytest("front", *("-n2", "--dist=loadfile", "-m", "not long", "tests/front"), needs=("packages",)),
        pytest("front long", "-m", "long", "tests/front", needs=("packages",), ci=False),
        # It waits for hosts most: it is best beside what needs no lab.
        pytest("class", "--exitfirst", "-m", "not long", "tests/e2e", needs=("packages",)),
        pytest("class long", *(f"tests/e2e/test_{what}.py" for what in CLASS_LONG), needs=("packages",), ci=False),
        pytest("lab", "tests/lab"),
        # Left to `make test-all`, since `make test` is to end within half an hour.
        pytest("verbs", "tests/verbs", ci=False),
        pytest("drift", "tests/drift", ci=False),
        # In three stages, since none is to take more than two and a half hours.
        pytest("faults", "tests/faults", f"--ignore={BAKE_ENDED}", f"--ignore={CHANGE_OVER_ENDED}", ci=False),
        pytest("bake ended", BAKE_ENDED, ci=False),
        pytest("change-over ended", CHANGE_OVER_ENDED, ci=False),
        # The roles. What installs and launches most is left to `make test-all`: of that, "class" has the main part.
        Stage("molecule", ("bin/molecule", *(name for name in scenarios() if name not in LONGEST))),
        Stage("molecule long", ("bin/molecule", *LONGEST), ci=False),
        Stage("molecule debian-13", ("env", "HOST_IMAGE=debian-13", "bin/molecule"), ci=False),
        pytest("new role", "tests/roles", ci=False),
        pytest("environment", "tests/environment", ci=False),
        pytest("oracle", "tests/oracle", ci=False),
        pytest("upgrade", "tests/upgrade", ci=False),
    ]


def chosen(available: Sequence[Stage], names: Iterable[str], *, everything: bool) -> list[Stage]:
    """Pick stages by name and what they need; without names what CI runs, or everything."""
    wanted = set(names)
    if not wanted:
        return [stage for stage in available if stage.ci or everything]
    unknown = wanted - {stage.name for stage in available}
    if unknown:
        listed = ", ".join(stage.name for stage in available)
        raise SystemExit(f"There is no stage {', '.join(sorted(unknown))}. There are: {listed}")
    wanted |= {need for stage in available if stage.name in wanted for need in stage.needs}
    return [stage for stage in available if stage.name in wanted]


def run(stage: Stage, *, live: bool = True) -> Outcome:
    """Run a stage, show what it says, as it comes or at its end, and keep its outcome."""
    began, said, title = time.monotonic(), b"", f"\n── {stage.name} ──\n".encode()
    beside = () if live else ("nice", f"-n{BESIDE}")
    show(title if live else b"")
    stage.report.unlink(missing_ok=True)
    with subprocess.Popen(
        (*beside, *stage.command),
        cwd=PROJECT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        try:
            for chunk in chunks(process):
                show(chunk if live else b"")
                said = (said + chunk)[-QUOTED:]
        except KeyboardInterrupt:  # which the command has heard as well
            show(f"\n{stage.name} ends, and what it has brought up. Ctrl-C again does not wait for that.\n".encode())
            for chunk in chunks(process):
                show(chunk)
            raise
    seconds, passed = time.monotonic() - began, process.returncode == 0
    if not stage.report.exists():  # the command writes none
        failure = "" if passed else f"{' '.join(stage.command)} failed"
        junit.write(stage.report, stage.name, [junit.Case(stage.name, seconds, failure, said.decode(errors="replace"))])
    suites = list(ElementTree.parse(stage.report).getroot().iter("testsuite"))  # noqa: S314 - we wrote it ourselves
    tests, skipped = (sum(int(suite.get(what, 0)) for suite in suites) for what in ("tests", "skipped"))
    outcome = Outcome(stage, seconds, passed, tests, skipped)
    # In one piece, so that nothing of another stage comes between.
    show((b"" if live else title + said) + f"{outcome}\n".encode())
    return outcome


def chunks(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield what a command says, as it comes, until it ends."""
    while chunk := os.read(process.stdout.fileno(), 65536) if process.stdout else b"":
        yield chunk


def show(said: bytes) -> None:
    """Show bytes as they are, at once."""
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()


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
    began = time.monotonic()
    wanted = chosen(available, options.stages, everything=options.all)
    with_lab, without = ([stage for stage in wanted if stage.lab is lab] for lab in (True, False))
    beside = ThreadPoolExecutor(1)
    try:
        others = [beside.submit(run, stage, live=not with_lab) for stage in without]
        outcomes = [*(run(stage) for stage in with_lab), *(other.result() for other in others)]
    finally:
        beside.shutdown(cancel_futures=True)  # Ctrl-C ends the stages that run; no other begins after it
    print("", *outcomes, sep="\n")
    failed = [outcome.stage.name for outcome in outcomes if not outcome.passed]
    total, tests = duration(time.monotonic() - began), sum(outcome.tests for outcome in outcomes)
    verdict = f"Failed: {', '.join(failed)}" if failed else "Everything passed."
    print(f"\nStages: {len(outcomes)}, tests: {tests}, time: {total}. {verdict}")
    return int(bool(failed))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Ended by Ctrl-C. A lab that is still up ends with:  make lab-down DISCARD=1")
