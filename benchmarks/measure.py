"""What one run takes: seconds, CPU and memory of this computer, and what it asks of the machines and of AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import podman
from lab.layout import BRIDGE, CGROUP, REQUESTS
from tests.support.commands import clean_environment, command
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Stands in front of what connects to machines, and counts; ssh's questions to its own master are no executions.
COUNTER = """\
#!/bin/sh
case " $* " in *" -O "*) ;; *) echo >>"$EXECUTIONS" ;; esac
exec {program} "$@"
"""
COUNTED = ("ssh", "sftp", "scp")
# Asked again and again until a console has said something: how often depends on how fast a machine boots.
POLLS = "GetConsoleOutput"


@dataclass(frozen=True)
class Run:
    """What one run took. None is what was not measured."""

    variant: str
    """`CASE: WHO`, as in `nothing to change: ours`."""
    n: int
    """Machines."""
    run: int
    """1 for the first of its variant."""
    wall_s: float
    control_cpu_s: float
    """Of the command, its workers and its ssh."""
    control_mb: float
    """The most that these held at one time, what they share counted once."""
    machine_cpu_s: float | None = None
    """Of all machines together."""
    executions: int | None = None
    """How often something was run on a machine, or copied there."""
    api_requests: int | None = None
    """Without those for consoles, whose number depends on how fast a machine boots."""
    bytes: int | None = None
    """What passed between this computer and the machines, both ways."""


@dataclass(frozen=True)
class Around:
    """What is counted while a run goes on, apart from its own processes."""

    requests: Path | None = REQUESTS
    """The log of the API, one request a line."""
    counters: Path | None = Path("/sys/class/net", BRIDGE, "statistics")
    """The kernel's, of the way to the machines."""
    instances: tuple[str, ...] = ()
    """The hosts whose CPU counts; without any, it is not measured."""

    def look(self) -> dict[str, float]:
        """Return what has been counted so far."""
        counted: dict[str, float] = {}
        if self.requests:
            asked = self.requests.read_text().splitlines() if self.requests.exists() else []
            counted["api_requests"] = sum(f'"{POLLS}"' not in line for line in asked)
        if self.counters:
            counted["bytes"] = sum(int((self.counters / name).read_text()) for name in ("rx_bytes", "tx_bytes"))
        if self.instances:
            counted["machine_cpu_s"] = hosts_cpu(self.instances)
        return counted


def hosts_cpu(instances: Iterable[str]) -> float:
    """Return the seconds of CPU that these hosts have used since they booted."""
    ids = {each["Names"][0]: each["Id"] for each in podman.containers()}
    total = 0.0
    for instance in instances:
        group = f"{CGROUP}/libpod-{ids[instance]}"
        usage = Path("/sys/fs/cgroup/cpuacct", group, "cpuacct.usage")
        if usage.exists():
            total += int(usage.read_text()) / 1e9
        else:  # control groups of version 2
            total += int(Path("/sys/fs/cgroup", group, "cpu.stat").read_text().split()[1]) / 1e6
    return total


@contextmanager
def counters() -> Iterator[dict[str, str]]:
    """Yield the environment in which executions are counted, each as a line of the file `EXECUTIONS`."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.environ["PATH"].split(os.pathsep)
        for name in COUNTED:
            program = next(place for place in (Path(each, name) for each in path) if place.exists())
            counter = Path(folder, name)
            counter.write_text(COUNTER.format(program=program))
            counter.chmod(0o755)
        executions = Path(folder, "executions")
        executions.touch()
        yield {
            "PATH": os.pathsep.join([folder, *path]),
            "EXECUTIONS": str(executions),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": folder,  # which nobody has used: the connections are cold
        }


def shell(line: str) -> str:
    """Run a shell command in the project; returns what it printed, stops at the first failure."""
    with redirect_stdout(StringIO()):  # the benchmark's own screen is its table
        done = command(line, check=False)
    if done.returncode:
        sys.exit(f"{line} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def measure(line: str, around: Around, environment: Mapping[str, str] | None = None) -> tuple[str, dict[str, Any]]:
    """Run a shell command in the project with cold connections; return what it said, and the figures of a `Run`."""
    with counters() as counting, tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        before = around.look()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.watch", str(report), "bash", "-c", line],
            cwd=PROJECT,
            env=clean_environment() | dict(environment or {}) | counting,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        after = around.look()
        if done.returncode:
            sys.exit(f"{line} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        took = json.loads(report.read_text()) | {name: after[name] - before[name] for name in after}
        executions = len(Path(counting["EXECUTIONS"]).read_text())
    rounded: dict[str, Any] = {name: round(value, 2) for name, value in took.items()}
    for name in ("control_mb", "api_requests", "bytes"):
        if name in rounded:
            rounded[name] = round(rounded[name])
    return done.stdout, rounded | {"executions": executions}
