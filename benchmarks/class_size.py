"""Measure a class of a few students beside a class of many, on the lab, in one run.

Usage: python -m benchmarks.class_size [FEW MANY]   (default: 4 16)

Prints, for each size: seconds of provision and of configure, first and unchanged; API requests; remote executions per
machine. Compare the columns with each other: seconds of different days or machines mean nothing. Needs the lab down.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
REQUESTS = PROJECT / "lab/state/requests.jsonl"
# What ssh carries: a command on a machine, whichever way it is started.
EXECUTION = re.compile(r"^<[^>]+> (?:SSH: EXEC|SFTP|SCP)|^<[^>]+> PUT ", re.MULTILINE)


def shell(line: str) -> str:
    """Run a shell command in the project; returns its output, stops at the first failure."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
    done = subprocess.run(
        ["bash", "-c", line], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{line} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def api_requests() -> int:
    """Count the requests that the endpoint has answered so far."""
    return len(REQUESTS.read_text().splitlines()) if REQUESTS.exists() else 0


def measure(playbook: str, machines: int) -> dict[str, float]:
    """Run a playbook; -vvv names every remote execution."""
    before, start = api_requests(), time.monotonic()
    said = shell(f"source lab/activate && ansible-playbook {playbook}.yml -vvv")
    seconds = time.monotonic() - start
    return {
        "seconds": round(seconds, 1),
        "API requests": api_requests() - before,
        "remote executions per machine": round(len(EXECUTION.findall(said)) / machines, 1),
    }


def class_of(students: int) -> dict[str, dict[str, float]]:
    """Bring up a class of made-up students, measure, and take it down."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as roster:
        roster.write("name,email\n" + "".join(f"Student {n},student{n:02d}@example.com\n" for n in range(students)))
        roster.flush()
        Path(roster.name).chmod(0o644)
        shell(f".venv/bin/python -m lab up --roster {roster.name}")
        try:
            return {
                "provision, first": measure("provision", students),
                "configure, first": measure("configure", students),
                "provision, unchanged": measure("provision", students),
                "configure, unchanged": measure("configure", students),
                "status": measure("status", students),
            }
        finally:
            shell(".venv/bin/python -m lab down")


def main() -> None:
    """Measure both sizes and print them side by side."""
    sizes = [int(word) for word in sys.argv[1:]] or [4, 16]
    if (PROJECT / "lab/state").exists():
        sys.exit("The lab is up. End it first (make lab-down): the benchmark needs the machine for itself.")
    measured = {size: class_of(size) for size in sizes}
    print(json.dumps(measured), file=sys.stderr)
    print(f"{'':24}{'':32}" + "".join(f"{size:>5} students" for size in sizes) + "   ratio")
    for run in measured[sizes[0]]:
        for what in measured[sizes[0]][run]:
            values = [measured[size][run][what] for size in sizes]
            ratio = f"{values[-1] / values[0]:8.2f}" if values[0] else ""
            print(f"{run:24}{what:32}" + "".join(f"{value:>14}" for value in values) + ratio)


if __name__ == "__main__":
    main()
