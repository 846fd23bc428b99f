"""A student who walks in: from a line added to the roster until the notebooks are there, by the link and by ssh.

Two classes on one lab, of which one comes in over https and one over ssh alone, in turn: first to spare machines, at
last to one that must be launched.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING

from benchmarks.classes import Class, lab
from benchmarks.measure import Run, measure, shell
from benchmarks.parts.configure import show
from lab.layout import ACME_ROOT
from tests.support.commands import mails
from tests.support.laptop import Laptop, fetch
from tests.support.letter import https_link, read_letter
from tests.support.visitor import Visitor
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.options import Options

HTTPS, SSH = "https", "ssh"
ACCESS = {HTTPS: [HTTPS, SSH], SSH: [SSH]}
SPARE, LAUNCHED = "walk in, spare machine: {}", "walk in, launched for it: {}"


def run(options: Options, folder: Path) -> Iterator[Run]:
    """Measure both, so many times."""
    with lab(), ExitStack() as ending:
        classes = {who: Class(f"walk{who}", 1, PROJECT, folder / who, {"class_access": ACCESS[who]}) for who in ACCESS}
        for course in classes.values():
            ending.enter_context(course.ending())
            shell(course.line(command(options.runs)))
        for number in range(1, options.runs + 1):
            for who, course in classes.items():
                yield walk_in(SPARE.format(who), course, number, WAYS[who])
        for who, course in classes.items():
            yield walk_in(LAUNCHED.format(who), course, 1, WAYS[who])


def command(spares: int) -> str:
    """Return what is run after a change of the roster, with so many spare machines."""
    return f"provision.yml configure.yml -e '{{\"class_spare_machines\": {spares}}}'"


def walk_in(variant: str, course: Class, number: int, come_in: Callable[[Path, Path], bool]) -> Run:
    """Add a student to the roster, and come in by the letter."""
    roster = course.folder / "students.csv"
    email = f"{course.name}-late{len(roster.read_text().splitlines())}@example.com"
    with roster.open("a") as file:
        file.write(f"Late,{email}\n")
    _, took = measure(course.line(command(0)), course.around())
    letter = next((mail for mail in reversed(mails()) if email in mail.read_text()), None)
    if letter is None:
        sys.exit(f"No letter to {email} arrived.")
    began = time.monotonic()
    if not come_in(letter, course.folder):
        sys.exit(f"The notebooks of {email} are not there.")
    took["wall_s"] = round(took["wall_s"] + time.monotonic() - began, 2)
    return show(Run(variant, 1, number, **took))


def by_link(letter: Path, _: Path) -> bool:
    """Click the link; say whether the notebooks are there."""
    link = https_link(letter)
    visitor = Visitor(link.split("/")[2], ACME_ROOT)
    visitor.open(link)
    return visitor.works()


def by_tunnel(letter: Path, home: Path) -> bool:
    """Paste the line for ssh, and open the link behind it; say whether the notebooks are there."""
    read = read_letter(letter)
    with Laptop(home).tunnel(read, read.tunnel):
        return fetch("/api/contents", read.token)[0] == HTTPStatus.OK


WAYS = {HTTPS: by_link, SSH: by_tunnel}
