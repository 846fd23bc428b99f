"""Measure bringing the work of a class home, on the lab: nothing new, and one changed notebook on every machine.

Usage: python -m benchmarks.collect [MACHINES]   (default: 16)

Each machine has one student with 50 notebooks. Prints seconds, CPU seconds of the control node, remote executions and
bytes per machine. Only accounts are made, no environment is installed. Needs the lab down.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Around, measure, shell
from lab.layout import STATE

NOTEBOOKS = 50
WORK = "/home/ubuntu/machine_learning_aws/daily_user"
# As a student's: cells with text, and a picture, which does not get smaller by compressing.
WRITE = f"""
import base64, json, os, sys
for number in range(int(sys.argv[1])):
    image = {{"image/png": base64.b64encode(os.urandom(30000)).decode()}}
    cell = {{"cell_type": "code", "source": "plot()", "outputs": [{{"output_type": "display_data", "data": image}}]}}
    for student in os.listdir("{WORK}"):
        with open(f"{WORK}/{{student}}/notebook-{{number:02}}.ipynb", "w") as file:
            json.dump({{"cells": [cell] * 3, "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}, file)
"""


def write(notebooks: int) -> None:
    """Write the first so many notebooks of every student, and let them be left alone for a while."""
    shell(
        f"source lab/activate && ansible machines -m ansible.builtin.command -a "
        f"{shlex.quote(f'python3 -c {shlex.quote(WRITE)} {notebooks}')}"
    )
    time.sleep(3)


def collect(home: Path, machines: int, *, changed: int) -> dict[str, str]:
    """Collect as a user does, after so many notebooks of every student were written anew.

    One machine alone, at last, tells what each costs from what a run costs whatever the size of the class.
    """
    line = f"source lab/activate && exec ansible-playbook collect.yml -e class_work_home={home}"
    write(changed)
    _, took = measure(line, Around())
    write(changed)
    _, alone = measure(f"{line} --limit ml101-001", Around())
    shell(line)  # of the others too, so that what is measured next begins with all work at home
    used = took["control_cpu_s"]
    return {
        "seconds": f"{took['wall_s']:.1f}",
        "CPU seconds of the control node": f"{used:.1f}",
        "the same per machine": f"{used / machines:.2f}",
        "the same for each machine more": f"{(used - alone['control_cpu_s']) / (machines - 1):.2f}",
        "remote executions per machine": f"{took['executions'] / machines:.1f}",
        "kB to and from each machine": f"{took['bytes'] / machines / 1000:.0f}",
    }


def class_of(machines: int, home: Path) -> dict[str, dict[str, str]]:
    """Bring up a class of made-up students with work, measure, and take it down."""
    roster = home / "students.csv"
    roster.write_text("name,email\n" + "".join(f"Student {n},student{n:02d}@example.com\n" for n in range(machines)))
    shell(f".venv/bin/python -m lab up --on-time --roster {roster}")
    try:
        shell("source lab/activate && ansible-playbook provision.yml benchmarks/accounts.yml")
        work = home / "work"
        return {
            "everything new": collect(work, machines, changed=NOTEBOOKS),
            "nothing new": collect(work, machines, changed=0),
            "one changed": collect(work, machines, changed=1),
        }
    finally:
        shell(".venv/bin/python -m lab down")


def main() -> None:
    """Measure and print."""
    machines = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    if STATE.exists():
        sys.exit("The lab is up. End it first (make lab-down): the benchmark needs the machine for itself.")
    with tempfile.TemporaryDirectory() as home:
        measured = class_of(machines, Path(home))
    print(f"{f'{machines} machines, {NOTEBOOKS} notebooks each':36}" + "".join(f"{run:>16}" for run in measured))
    for what in measured["nothing new"]:
        print(f"{what:36}" + "".join(f"{run[what]:>16}" for run in measured.values()))


if __name__ == "__main__":
    main()
