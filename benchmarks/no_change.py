"""Measure configure.yml where there is nothing to change: of an earlier commit, of this tree, and what ssh alone takes.

Usage: python -m benchmarks.no_change [N ...] [--runs 3] [--before COMMIT]   (default: 12)

For each N, two classes of N on one lab: one that the earlier commit made, and one of this tree. They run in turn, each
time with cold ssh connections: `before`; `ours`; `forced`, which asks nobody and runs every role; and `ssh`, which only
runs `true` on all machines at once. Each run must change nothing. Prints the medians and their ratios; every run goes
to benchmarks/results/latest.json. Compare within one run only. Needs the lab down.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.class_size import EXECUTION, PROJECT, api_requests, shell
from tests.support.class_machines import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The last one in front of `roles_needed`.
BEFORE = "137b9cf"
RESULTS = PROJECT / "benchmarks/results/latest.json"
# Where the kernel counts the CPU time of all the lab's hosts: control groups of version 1 in ns, of version 2 in µs.
USAGE = Path("/sys/fs/cgroup/cpuacct/machine_learning_aws/cpuacct.usage")
USAGE_2 = Path("/sys/fs/cgroup/machine_learning_aws/cpu.stat")
VCPUS_OF_A_MACHINE = 2
SECONDS_BETWEEN_LOOKS = 0.25
AT_ONCE = 50  # ansible.cfg's forks
SHOWN = ("wall_s", "control_cpu_s", "control_mb", "machine_cpu_s", "executions", "api_requests")


@dataclass(frozen=True)
class Run:
    """What one run took; CPU in seconds, of this computer and of all machines together."""

    variant: str
    n: int
    run: int
    wall_s: float
    control_cpu_s: float
    control_mb: float
    machine_cpu_s: float
    executions: int
    api_requests: int


@dataclass(frozen=True)
class Class:
    """A class of the lab that the project in `tree` makes and keeps."""

    name: str
    tree: Path
    folder: Path

    @property
    def state(self) -> Path:
        """Its class_state_dir."""
        return self.folder / self.name

    def line(self, playbooks: str) -> str:
        """Return the shell command for playbooks; the shell becomes Ansible."""
        own = self.folder / f"{self.name}.yml"
        own.write_text(yaml.safe_dump({"class_name": self.name, "class_state_dir": str(self.state)}))
        lab = PROJECT / "lab"
        return (
            f"source {lab}/activate && cd {self.tree} && "
            f"export ANSIBLE_INVENTORY={self.tree}/inventory,{lab}/state/inventory && "
            f"exec ansible-playbook {playbooks} -e @{own}"
        )


def hosts_cpu() -> float:
    """Return the seconds of CPU that all hosts have used so far."""
    if USAGE.exists():
        return int(USAGE.read_text()) / 1e9
    return int(USAGE_2.read_text().split()[1]) / 1e6


def memory_of(pid: int) -> float:
    """Return the MB of a process and its descendants, what they share counted once."""
    total = 0
    for each in [pid, *descendants(pid)]:
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue  # it has just ended
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def descendants(pid: int) -> Iterator[int]:
    """Yield the numbers of the processes that a process has begun."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def measure(line: str, *, look: bool) -> tuple[str, dict[str, float]]:
    """Run a shell command with cold connections; return what it said and took. `look` at its memory, which costs."""
    with tempfile.TemporaryDirectory() as cold, tempfile.TemporaryFile("w+") as said:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
        hosts, calls, began = hosts_cpu(), api_requests(), time.monotonic()
        process = subprocess.Popen(
            ["bash", "-c", line],
            cwd=PROJECT,
            env=environment | {"ANSIBLE_SSH_CONTROL_PATH_DIR": cold},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        most, ended = 0.0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not ended.wait(SECONDS_BETWEEN_LOOKS):
                most = max(most, memory_of(process.pid))

        watcher = threading.Thread(target=watch)
        if look:
            watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        ended.set()
        if look:
            watcher.join()
        said.seek(0)
        text = said.read()
        if process.returncode:
            sys.exit(f"{line} ended with {process.returncode}:\n{text[-4000:]}")
        return text, {
            "wall_s": wall,
            "control_cpu_s": used.ru_utime + used.ru_stime,
            "control_mb": most,
            "machine_cpu_s": hosts_cpu() - hosts,
            "api_requests": api_requests() - calls,
        }


def one(variant: str, line: str, n: int, number: int) -> Run:
    """Run once for the time, and with the first also for memory and executions, which -vvv names."""
    text, took = measure(line, look=False)
    executions = n
    if variant != "ssh":
        if set(re.findall(r"changed=(\d+)", text)) != {"0"}:
            sys.exit(f"{variant} was to change nothing:\n{text[-4000:]}")
        if number == 1:
            loud, looked = measure(f"{line} -vvv", look=True)
            took["control_mb"], executions = looked["control_mb"], len(EXECUTION.findall(loud))
    return Run(
        variant,
        n,
        number,
        wall_s=round(took["wall_s"], 2),
        control_cpu_s=round(took["control_cpu_s"], 2),
        control_mb=round(took["control_mb"]),
        machine_cpu_s=round(took["machine_cpu_s"], 2),
        executions=executions,
        api_requests=round(took["api_requests"]),
    )


def ssh_line(course: Class) -> str:
    """Return the shell command that runs `true` on all machines of a class at once, by ssh alone."""
    targets = [f"{seat} {address}" for seat, address in running().items() if seat.startswith(course.name)]
    options = f"-F none -i {course.state}/ssh_key -oBatchMode=yes -oUserKnownHostsFile={course.state}/known_hosts"
    command = f'ssh {options} -oHostKeyAlias="$1" ubuntu@"$2" true'
    return (
        f"printf '%s\\n' {' '.join(f'{target!r}' for target in targets)} | xargs -P {AT_ONCE} -L 1 sh -c '{command}' -"
    )


def compare(n: int, runs: int, before: Path, folder: Path) -> list[Run]:
    """Make both classes of n and run all variants in turn."""
    roster = folder / "students.csv"
    roster.write_text("name,email\n" + "".join(f"Student {i},student{i:02d}@example.com\n" for i in range(n)))
    folder.chmod(0o755)
    roster.chmod(0o644)
    shell(f".venv/bin/python -m lab up --roster {roster}")
    try:
        shell(f".venv/bin/python -m lab quota L-1216C47A {2 * n * VCPUS_OF_A_MACHINE}")
        earlier, ours = Class("before", before, folder), Class("ours", PROJECT, folder)
        for each in (earlier, ours):
            shell(each.line("provision.yml configure.yml"))
        lines = {
            "before": earlier.line("configure.yml"),
            "ours": ours.line("configure.yml"),
            "forced": ours.line("configure.yml -e configure_force=true"),
            "ssh": ssh_line(ours),
        }
        return [one(variant, line, n, number) for number in range(1, runs + 1) for variant, line in lines.items()]
    finally:
        shell("make lab-down DISCARD=1")


def table(runs: Sequence[Run]) -> str:
    """Show the medians, and what share of the first variant's they are."""
    rows = [["N", "VARIANT", *(name.upper() for name in SHOWN)]]
    for n in dict.fromkeys(run.n for run in runs):
        first: dict[str, float] = {}
        for variant in dict.fromkeys(run.variant for run in runs):
            found = [run for run in runs if (run.n, run.variant) == (n, variant)]
            measured: dict[str, float] = {
                name: (max if name in ("control_mb", "executions") else median)(getattr(run, name) for run in found)
                for name in SHOWN
            }
            first = first or measured
            cells = [
                f"{value:.1f} ({value / first[name]:.2f})" if first[name] else "-" for name, value in measured.items()
            ]
            rows.append([str(n), variant, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.no_change", description="Runs with nothing to change, in turn.")
    parser.add_argument("sizes", nargs="*", type=int, default=[12], metavar="N", help="students of a class")
    parser.add_argument("--runs", type=int, default=3, help="how often each variant runs")
    parser.add_argument("--before", default=BEFORE, help="the earlier commit")
    options = parser.parse_args()
    if (PROJECT / "lab/state").exists():
        sys.exit("The lab is up. End it first (make lab-down): the benchmark needs the machine for itself.")
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder, "project")
        shell(f"mkdir {before} && git archive {options.before} | tar -x -C {before} && ln -s {PROJECT}/.venv {before}/")
        for n in options.sizes:
            runs += compare(n, options.runs, before, Path(folder))
    RESULTS.parent.mkdir(exist_ok=True)
    kept: list[dict[str, Any]] = [asdict(run) for run in runs]
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    print(table(runs))


if __name__ == "__main__":
    main()
