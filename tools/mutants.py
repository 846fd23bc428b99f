"""Break each role in the ways that molecule/mutants.yml lists, one at a time: its scenario has to fail each time.

Needs a lab that is up and scenarios that pass; `make mutants` sees to both. Each mutant lives in a copy of the project.
What its scenario said is in build/mutants/ROLE-NUMBER.log. Fails if a mutant survives, or fails for another reason.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tools import PROJECT, molecule_scenarios, project_copy

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST = PROJECT / "molecule" / "mutants.yml"
LOGS = PROJECT / "build" / "mutants"
# In any other step, such as the launch of a machine, a scenario fails without having looked at what was broken.
LOOKING = ("check", "converge", "idempotence", "verify")
# molecule's own words.
FAILED = re.compile(r"sequence action: '(\w+)'\. Cleaning up\.")
TASK = re.compile(r"^TASK \[(?:.+ : )?(.+)\] \**$", re.MULTILINE)
WORDS = re.compile(r"^(?:fatal|failed|unreachable): \[.*?\]: (.+)$", re.MULTILINE)
CHANGED_AGAIN = re.compile(r"following tasks:\n\* (.+)")
LONGEST = 150


class MutantError(ValueError):
    """A mutant that does not apply, in words."""


@dataclass(frozen=True)
class Mutant:
    """One change that breaks a role."""

    role: str
    number: int
    breaks: str
    file: str
    old: str
    new: str
    caught_by: str

    @classmethod
    def of(cls, role: str, number: int, entry: dict[str, Any]) -> Mutant:
        """Read one entry of the list."""
        return cls(role, number, entry["breaks"], entry["in"], entry["old"], entry.get("new", ""), entry["caught_by"])

    @property
    def name(self) -> str:
        """What its log is called."""
        return f"{self.role}-{self.number}"

    def apply(self, project: Path) -> None:
        """Break the role in `project`, a copy."""
        (project / self.file).write_text(self.broken(project))

    def broken(self, project: Path) -> str:
        """Return the file of `project` as the mutant has it; MutantError unless there is exactly one place for it."""
        path = project / self.file
        text = path.read_text() if path.is_file() else ""
        if text.count(self.old) != 1 or self.old == self.new:
            raise MutantError(
                f"{self.role}, which {self.breaks}: its `old` is {text.count(self.old)} times in {self.file}, not once."
            )
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Trial:
    """How a mutant's scenario went: the step and the task that failed, "" if none did, and what was said there."""

    mutant: Mutant
    seconds: float
    step: str = ""
    task: str = ""
    words: str = ""

    @classmethod
    def of(cls, mutant: Mutant, outcome: molecule_scenarios.Outcome) -> Trial:
        """Read from molecule's output where it failed."""
        end = FAILED.search(outcome.said)
        if outcome.passed or end is None:
            return cls(mutant, outcome.seconds, "" if outcome.passed else "start")
        before = outcome.said[: end.start()]
        if again := CHANGED_AGAIN.search(before):
            return cls(mutant, outcome.seconds, end[1], "idempotence", again[1])
        tasks = list(TASK.finditer(before))
        words = WORDS.search(before, tasks[-1].end()) if tasks else None
        return cls(
            mutant,
            outcome.seconds,
            end[1],
            tasks[-1][1] if tasks else "",
            words[1][:LONGEST] if words else "no message",
        )

    @property
    def caught(self) -> bool:
        """Say whether the scenario noticed what was broken."""
        return self.step in LOOKING and self.task == self.mutant.caught_by

    @property
    def verdict(self) -> str:
        """Say in a few words what became of the mutant."""
        if not self.step:
            return "SURVIVED"
        return f"{self.step}: {self.task}" if self.caught else f"NOT NOTICED, but failed at {self.step}: {self.task}"

    def __str__(self) -> str:
        """Say it in lines."""
        said = f"\n  {self.words}" if self.words else ""
        return f"{self.mutant.role} {self.mutant.breaks}: {self.verdict} ({self.seconds:.0f} s){said}"


def read_mutants() -> list[Mutant]:
    """Read the list."""
    listed: dict[str, list[dict[str, Any]]] = yaml.safe_load(LIST.read_text())
    return [
        Mutant.of(role, number, entry) for role, entries in listed.items() for number, entry in enumerate(entries, 1)
    ]


def try_one(mutant: Mutant, whole: Path) -> Trial:
    """Run the scenario of the mutant's role in a copy of `whole` that has the mutant."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        shutil.copytree(whole, project, symlinks=True)
        mutant.apply(project)
        outcome = molecule_scenarios.run(mutant.role, project)
        LOGS.mkdir(parents=True, exist_ok=True)
        shutil.copy(outcome.log, LOGS / f"{mutant.name}.log")
    trial = Trial.of(mutant, outcome)
    print(trial, flush=True)
    return trial


def try_all(mutants: Sequence[Mutant], whole: Path) -> list[Trial]:
    """Try the mutants of as many roles at a time as there are scenarios; those of one role share a class."""
    roles = [role for role in molecule_scenarios.scenarios() if any(mutant.role == role for mutant in mutants)]

    def try_role(role: str) -> list[Trial]:
        return [try_one(mutant, whole) for mutant in mutants if mutant.role == role]

    with ThreadPoolExecutor(molecule_scenarios.SIDE_BY_SIDE) as pool:
        return [trial for trials in pool.map(try_role, roles) for trial in trials]


def table(trials: Sequence[Trial]) -> str:
    """Show every mutant in a line."""
    rows = [("ROLE", "WHICH", "IS CAUGHT AT", "SECONDS")]
    rows += [(trial.mutant.role, trial.mutant.breaks, trial.verdict, f"{trial.seconds:7.0f}") for trial in trials]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main() -> int:
    """Try the mutants of the roles that are named, or all."""
    mutants = read_mutants()
    roles = sorted({mutant.role for mutant in mutants})
    parser = argparse.ArgumentParser(prog="tools.mutants", description="Break roles; their scenarios have to notice.")
    parser.add_argument("roles", nargs="*", default=roles, metavar="ROLE", help=", ".join(roles))
    wanted = parser.parse_args().roles
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "project")
        project_copy.copy_to(whole)
        try:
            for mutant in mutants:
                mutant.broken(whole)
        except MutantError as error:
            print(f"Nothing was run. {error}", file=sys.stderr)
            return 1
        trials = try_all([mutant for mutant in mutants if mutant.role in wanted], whole)
    caught = sum(trial.caught for trial in trials)
    print(f"\n{table(trials)}\n\nMutants: {len(trials)}, caught: {caught}, time: {time.monotonic() - began:.0f} s.")
    return 0 if trials and caught == len(trials) else 1


if __name__ == "__main__":
    sys.exit(main())
