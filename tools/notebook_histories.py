"""Merge real editions of notebooks, from the git histories of courses, with the work of students that is made up.

    .venv/bin/python -m tools.notebook_histories --pairs 300 REPOSITORY.git …

Each pair is two blobs that followed one another at a path. A student gets the older one and works in it; then comes the
newer. It is counted how many merge and why the others do not, and whatever is wrong with a merge: that is found without
any of its code, and makes the command fail. Histories are not part of this project: clone some course first.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import re
import subprocess
import sys
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import nbformat

from tools import PROJECT

sys.path.insert(0, str(PROJECT / "collections"))
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge import DoubtError, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Pair = tuple[str, str]
FAULTS = ("lost", "invalid", "duplicate ids", "news missing")
# The same notebook may have been committed a hundred times: no more pairs than this are of one path.
MOST_OF_A_PATH = 5


def pairs_of(repository: str, dice: random.Random) -> list[Pair]:
    """Return the blobs of all notebooks in the git directory `repository` that followed one another, shuffled."""
    command = ["git", f"--git-dir={repository}", "log", "--no-merges", "--diff-filter=M", "--raw", "--no-abbrev"]
    command += ["--format=", "--no-renames", "--", "*.ipynb"]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
    of_path: dict[str, list[Pair]] = {}
    for line in said.splitlines():
        about, _, path = line.partition("\t")
        _, _, old, new, _ = about.split()
        if old != new:
            of_path.setdefault(path, []).append((old, new))
    found = [pair for pairs in of_path.values() for pair in dice.sample(pairs, min(len(pairs), MOST_OF_A_PATH))]
    dice.shuffle(found)
    return found


def blob(repository: str, name: str) -> str:
    """Return the text of a blob; ValueError if it is no text, or was left out of the copy."""
    command = ["git", f"--git-dir={repository}", "cat-file", "blob", name]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace"))
    return done.stdout.decode()


def work_in(old: str, dice: random.Random, answers: int) -> Any:
    """Return the notebook `old` after a lesson: run, with notes, and with up to `answers` cells edited.

    With any of these, a cell may be deleted as well.

    Each thing that the student adds bears a mark of its own. ValueError if Jupyter would not open it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        notebook = json.loads(nbformat.writes(nbformat.reads(old, as_version=4)))
    cells = notebook["cells"]
    for cell in cells:
        cell["source"] = "".join(cell["source"])
    if notebook["nbformat_minor"] < 5 and dice.random() < 0.5:  # as JupyterLab saves it
        notebook["nbformat_minor"] = 5
        for cell in cells:
            cell["id"] = f"{dice.getrandbits(32):08x}"
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code" and dice.random() < 0.3:
            output = {"output_type": "stream", "name": "stdout", "text": f"ran {number}: {dice.random()}\n"}
            cell.update(outputs=[output], execution_count=number + 1)
    for number in range(dice.randint(0, answers) if cells else 0):
        cell = dice.choice(cells)
        cell["source"] = f"{cell['source']}\n# student {number} answers".lstrip("\n")
    if answers and len(cells) > 3 and dice.random() < 0.1:
        del cells[dice.randrange(len(cells))]
    for number in range(dice.randint(1, 3)):
        cell = {"cell_type": "markdown", "metadata": {}, "source": f"note {number} of the student"}
        if notebook["nbformat_minor"] >= 5:
            cell["id"] = f"note-{number}"
        cells.insert(dice.randint(0, len(cells)), cell)
    return notebook


def contents(notebook: Any) -> Counter[tuple[str, str]]:
    """Return kind and text of each cell, without the ends of lines, nor blanks behind the last one."""
    pairs = ((cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"])
    return Counter((kind, text.replace("\r\n", "\n").rstrip()) for kind, text in pairs)


def outputs(notebook: Any) -> Counter[str]:
    """Return the outputs that the student made."""
    printed = (out.get("text", "") for cell in notebook["cells"] for out in cell.get("outputs", []))
    return Counter(text for text in map("".join, printed) if text.startswith("ran "))


def is_valid(notebook: Any) -> bool:
    """Say whether nbformat has nothing against a notebook."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nbformat.validate(copy.deepcopy(notebook))
    except nbformat.ValidationError:
        return False
    return True


def faults(old: Any, student: Any, new: Any, result: Any) -> list[str]:
    """Return what is wrong with the `result` of a merge."""
    found = []
    given, there = contents(old), contents(result)
    if contents(student) - given - there or outputs(student) - outputs(result):
        found.append("lost")
    if is_valid(student) and is_valid(new) and not is_valid(result):
        found.append("invalid")
    ids = [cell.get("id") for cell in result["cells"]]
    if result["nbformat_minor"] >= 5 and len(set(ids)) != len(ids):
        found.append("duplicate ids")
    if set(contents(new)) - set(given) - set(there):
        found.append("news missing")
    return found


def study(pairs: Iterable[tuple[str, str, random.Random]], answers: int) -> Counter[str]:
    """Merge each pair of an older and a newer edition with a lesson's work of a student; count what came of it."""
    counted: Counter[str] = Counter()
    for old, new, dice in pairs:
        try:
            student = work_in(old, dice, answers)
            before, after = (json.loads(nbformat.writes(nbformat.reads(text, as_version=4))) for text in (old, new))
        except (ValueError, AttributeError, LookupError, TypeError, nbformat.ValidationError):
            counted["not opened by Jupyter"] += 1
            continue
        counted["pairs"] += 1
        try:
            result = json.loads(merge(old, json.dumps(student), new).text)
        except DoubtError as doubt:
            counted["laid beside"] += 1
            counted[f"  {reason(str(doubt))}"] += 1
            continue
        counted["merged"] += 1
        counted.update(faults(before, student, after, result))
    return counted


def reason(doubt: str) -> str:
    """Return a doubt without the numbers and texts of cells."""
    return re.sub(r"\d+", "N", doubt.partition(" (")[0])


def read_pairs(repositories: Sequence[str], most: int, seed: int) -> Iterable[tuple[str, str, random.Random]]:
    """Yield up to `most` pairs, as many of each repository as there are, each with dice of its own."""
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    found = [(repository, pair) for repository in repositories for pair in pairs_of(repository, dice)]
    for repository, (old, new) in dice.sample(found, min(most, len(found))):
        try:
            texts = blob(repository, old), blob(repository, new)
        except ValueError:  # too large for the copy
            continue
        yield *texts, random.Random(dice.random())  # noqa: S311 - dice, not secrets


def main() -> int:
    """Show what came of it; 1 if there is anything wrong with a merge."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebook_histories", description=__doc__)
    parser.add_argument("repositories", nargs="+", metavar="REPOSITORY.git")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    help_answers = "cells that a student edits at most; with 0 only cases of doubt that are the merge's own are left"
    parser.add_argument("--answers", type=int, default=2, help=help_answers)
    options = parser.parse_args()
    counted = study(read_pairs(options.repositories, options.pairs, options.seed), options.answers)
    first = ("pairs", "merged", "laid beside", *FAULTS)
    for what in (*first, *(what for what, _ in counted.most_common() if what not in first)):
        print(f"{counted[what]:6} {what}")
    return int(any(counted[fault] for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
