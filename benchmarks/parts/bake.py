"""From nothing until all notebooks answer: the commit before, this one from a plain image, this one from a baked one.

In turn, each time with a new class, whose machines are all new. The commit before knew no way in but ssh, so it is
compared with a class that has no other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.classes import Class, lab, lay_out
from benchmarks.measure import shell
from benchmarks.parts.configure import bare, one
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.measure import Run
    from benchmarks.options import Options

# All Jupyters of a machine of one student start anew; ends when theirs is up: it refuses who has no token.
START = """sudo systemctl restart 'jupyter@*.service' && exec timeout 120 python3 -c '
import time, urllib.error, urllib.request
while True:
    try:
        urllib.request.urlopen("http://127.0.0.1:8888/api/contents")
    except urllib.error.HTTPError as error:
        if error.code == 403:
            break
    except OSError:
        pass
    time.sleep(0.2)
'"""


def run(options: Options, folder: Path) -> Iterator[Run]:
    """Measure all three, so many times."""
    trees = {"before": lay_out(options.before, folder / "before")} | dict.fromkeys(
        ("ssh alone", "plain", "baked"), PROJECT
    )
    with lab():
        for who in ("before", "plain"):  # the environment is locked once, and what machines fetch has been read
            with Class(f"{who}-warm", 1, trees[who], folder / f"{who}-warm").ending() as course:
                shell(course.line("provision.yml configure.yml"))
        for number in range(1, options.runs + 1):
            for who, tree in trees.items():
                name = f"{who.replace(' ', '-')}{number}"
                settings = {"class_access": ["ssh"]} if who == "ssh alone" else {}
                with Class(name, options.n, tree, folder / name, settings).ending() as course:
                    yield from from_nothing(who, course, number)


def from_nothing(who: str, course: Class, number: int) -> Iterator[Run]:
    """Bring up a new class."""
    if who == "baked":
        yield replace(one(f"bake: {who}", course, "bake.yml", number), n=1)
    for playbook in ("provision", "configure"):
        yield one(f"from nothing, {playbook}: {who}", course, f"{playbook}.yml", number)
    if who == "baked":
        yield bare("Jupyter starts: ssh", course, course.ssh_line(START), number)
