"""Measure a student who walks in: from a line added to the roster to the own notebook's answer through the tunnel.

Usage: python -m benchmarks.walk_in

Two students and a spare machine; then a third student comes. Beside it, in the same run: the same with a machine that
must be launched. Needs the lab down.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import shell
from lab.layout import STATE
from tests.support.laptop import Laptop, fetch
from tests.support.letter import read_letter

OK = 200


def newest_letter_to(email: str) -> Path | None:
    """Return the last letter that arrived for `email`."""
    return next(
        (path for path in sorted((STATE / "mail").glob("*.eml"), reverse=True) if email in path.read_text()), None
    )


def walk_in(roster: Path, name: str, home: Path) -> float:
    """Add a student, run what docs/customising.md says, and get in by the letter; returns the seconds."""
    email = f"{name}@example.com"
    start = time.monotonic()
    with roster.open("a") as file:
        file.write(f"{name.title()},{email}\n")
    shell("source lab/activate && ansible-playbook provision.yml configure.yml -e '{\"class_spare_machines\": 0}'")
    letter = newest_letter_to(email)
    if letter is None:
        sys.exit(f"No letter to {email} arrived.")
    laptop, read = Laptop(home), read_letter(letter)
    with laptop.tunnel(read, read.tunnel):
        if fetch("/api/contents", read.token)[0] != OK:
            sys.exit(f"The notebook of {name} does not answer.")
    return time.monotonic() - start


def main() -> None:
    """Measure both and print them."""
    if STATE.exists():
        sys.exit("The lab is up. End it first (make lab-down): the benchmark needs the machine for itself.")
    with tempfile.TemporaryDirectory() as folder:
        roster = Path(folder, "students.csv")
        roster.write_text("name,email\nOne,one@example.com\nTwo,two@example.com\n")
        shell(f".venv/bin/python -m lab up --on-time --roster {roster}")
        try:
            shell(
                "source lab/activate && ansible-playbook provision.yml configure.yml -e '{\"class_spare_machines\": 1}'"
            )
            to_spare = walk_in(roster, "three", Path(folder))
            to_new = walk_in(roster, "four", Path(folder))
        finally:
            shell(".venv/bin/python -m lab down")
    print(f"To a spare machine: {to_spare:.0f} s")
    print(f"To a machine launched for it: {to_new:.0f} s, {to_new / to_spare:.1f} times as long")


if __name__ == "__main__":
    main()
