"""Run molecule's scenarios on a lab that is up, two at a time; bin/molecule calls it.

One line per scenario says how it went; what it said is in build/molecule/NAME.log, the outcome of all in
build/molecule.xml (JUnit). With HOST_IMAGE in the environment, such as debian-13, both names begin molecule-debian-13.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tools import PROJECT, junit

# molecule's own configuration reads HOST_IMAGE as well.
SUITE = "-".join(["molecule", *filter(None, [os.environ.get("HOST_IMAGE")])])
# Two: while one waits for a host, the other computes. More only wait for each other on the two cores of CI.
SIDE_BY_SIDE = 2
# These first, so that nobody waits for them at the end.
LONGEST = ("class", "conda", "front", "front_removed", "jupyter", "machines")
# Of a scenario that failed: enough for Ansible's last words.
SHOWN_LINES = 40


@dataclass(frozen=True)
class Outcome:
    """How a scenario went, and what it said."""

    name: str
    seconds: float
    passed: bool
    said: str
    log: Path

    def __str__(self) -> str:
        """Say it in a line; a failure with its last words."""
        if self.passed:
            return f"{self.name}: passed in {self.seconds:.0f} s"
        # What follows tells how the scenario was cleaned up.
        last = "\n".join(self.said.partition("Cleaning up.")[0].splitlines()[-SHOWN_LINES:])
        return f"{last}\n{self.name}: FAILED after {self.seconds:.0f} s; all that it said: {self.log}"


def scenarios() -> list[str]:
    """Return the names of all scenarios, those that take longest first."""
    names = sorted(path.parent.name for path in PROJECT.glob("molecule/*/molecule.yml"))
    return sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def run(name: str, project: Path = PROJECT) -> Outcome:
    """Run one scenario of `project`, the checkout or a copy of it, from its first step to its last."""
    own, log = (project / "build" / SUITE / each for each in (name, f"{name}.log"))
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            ["molecule", "test", "--scenario-name", name],
            cwd=project,
            env={**os.environ, "MOLECULE_EPHEMERAL_DIRECTORY": str(own), "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    said = junit.plain(log.read_text(errors="replace"))
    return Outcome(name, time.monotonic() - began, done.returncode == 0, said, log)


def write_report(path: Path, outcomes: list[Outcome]) -> None:
    """Write the outcomes as JUnit has them."""
    cases = [junit.Case(each.name, each.seconds, "" if each.passed else "see the log", each.said) for each in outcomes]
    junit.write(path, SUITE, cases)


def main() -> int:
    """Run the scenarios that are named, or all."""
    parser = argparse.ArgumentParser(prog="bin/molecule", description="Run scenarios on the lab's hosts.")
    parser.add_argument("names", nargs="*", default=scenarios(), metavar="SCENARIO", help=", ".join(scenarios()))
    parser.add_argument("--project", type=Path, default=PROJECT, help="a copy of the project whose scenarios are meant")
    options = parser.parse_args()
    outcomes = []
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        for future in as_completed([pool.submit(run, name, options.project) for name in options.names]):
            outcomes.append(future.result())
            print(outcomes[-1], flush=True)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C ends the scenarios that run; no other begins after it
    write_report(options.project / "build" / f"{SUITE}.xml", outcomes)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Ended by Ctrl-C.")
