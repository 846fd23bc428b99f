"""Classes of several sizes: the first configure.yml, one with nothing to change, one with an edited notebook.

Of each size there are two classes on one lab: one that the commit before made, and one of this tree. They run in turn:
`before`; `ours`; `forced`, which asks no machine and runs every role; and below these: `ssh`, which only runs `true` on
all machines at once; `inventory`, Ansible that asks AWS for the machines; `raw`, Ansible that runs `true`. The machines
of one class rest while those of the other are at work. Of the largest size, no notebook is edited.
"""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.classes import Class, lab, lay_out
from benchmarks.measure import Run, measure
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.options import Options

FIRST, NOTHING, NOTEBOOK = "first configure", "nothing to change", "one notebook changed"
PROVISION, PROVISION_NOTHING = "provision", "provision, nothing to do"
FORCE = "-e configure_force=true"


def run(options: Options, folder: Path) -> Iterator[Run]:
    """Measure all sizes."""
    before = lay_out(options.before, folder / "before")
    with lab():
        for n in options.growing:
            yield from size(n, options, before, folder)


def size(n: int, options: Options, before: Path, folder: Path) -> Iterator[Run]:
    """Make both classes of `n`, measure, and end them."""
    both = {
        who: Class(f"{who}{n}", n, tree, folder / f"class-{who}{n}")
        for who, tree in (("before", before), ("ours", PROJECT))
    }
    with ExitStack() as ending:
        ours = [ending.enter_context(course.ending()) for course in both.values()][-1]
        for who, course in both.items():
            yield one(f"{PROVISION}: {who}", course, "provision.yml", 1)
            yield one(f"{FIRST}: {who}", course, "configure.yml", 1)
        for number in range(1, options.runs + 1):
            yield one(f"{PROVISION_NOTHING}: ours", ours, "provision.yml", number, changes=False)
            for who, course in both.items():
                yield one(f"{NOTHING}: {who}", course, "configure.yml", number, changes=False)
            yield one(f"{NOTHING}: forced", ours, f"configure.yml {FORCE}", number, changes=False)
            yield bare(f"{NOTHING}: ssh", ours, ours.ssh_line("true"), number)
            yield bare(f"{NOTHING}: inventory", ours, ours.line("--list", "ansible-inventory"), number)
            yield bare(f"{NOTHING}: raw", ours, ours.line("machines -m ansible.builtin.raw -a true", "ansible"), number)
            if n <= options.n:
                for who, course in both.items():
                    course.edit_notebook(f"edition {number}")
                    yield one(f"{NOTEBOOK}: {who}", course, "configure.yml", number)


def one(variant: str, course: Class, playbook: str, number: int, *, changes: bool = True) -> Run:
    """Run playbooks on a class once, and make sure that they changed what they should: something, or nothing."""
    said, took = measure(course.line(playbook), course.around())
    changed = [int(count) for count in re.findall(r"changed=(\d+)", said)]
    if any(changed) != changes:
        sys.exit(f"{variant} was to change {'something' if changes else 'nothing'}:\n{said[-4000:]}")
    return show(Run(variant, course.n, number, **took))


def bare(variant: str, course: Class, line: str, number: int) -> Run:
    """Run a shell command that reaches the machines of a class, and changes nothing that Ansible would tell of."""
    _, took = measure(line, course.around())
    return show(Run(variant, course.n, number, **took))


def show(run: Run) -> Run:
    """Say how far the benchmark is."""
    figures = f"{run.wall_s:.1f} s, {run.control_cpu_s:.1f} CPU s here"
    print(f"  {run.variant}, {run.n} machines, run {run.run}: {figures}", flush=True)
    return run
