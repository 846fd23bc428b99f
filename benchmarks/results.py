"""The figures of all parts, kept in benchmarks/results/: each run in latest.json; on what and when, in origin.json."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.measure import Run
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = PROJECT / "benchmarks/results"
USUAL_N = 12
LATEST, ORIGIN = FOLDER / "latest.json", FOLDER / "origin.json"


class Results:
    """Runs of all parts, and for each part what measured it."""

    def __init__(self, runs: Sequence[Run], origin: dict[str, dict[str, str]]) -> None:
        """Hold these."""
        self.runs = list(runs)
        self.origin = origin

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Results:
        """Read what was kept; nothing where nothing was."""
        latest, origin = folder / LATEST.name, folder / ORIGIN.name
        if not latest.exists():
            return cls([], {})
        return cls([Run(**each) for each in json.loads(latest.read_text())], json.loads(origin.read_text()))

    def replace(self, part: str, runs: Sequence[Run], origin: dict[str, str]) -> None:
        """Let these be the runs of a part, instead of what it measured before."""
        gone = {run.variant for run in runs} | set(self.origin.get(part, {}).get("variants", "").split("; "))
        self.runs = [run for run in self.runs if run.variant not in gone] + list(runs)
        variants = "; ".join(dict.fromkeys(run.variant for run in runs))
        self.origin[part] = origin | {"variants": variants}

    def save(self, folder: Path = FOLDER) -> None:
        """Keep all of it."""
        folder.mkdir(exist_ok=True)
        rows = ",\n".join(json.dumps(asdict(run)) for run in self.runs)
        (folder / LATEST.name).write_text(f"[\n{rows}\n]\n")
        (folder / ORIGIN.name).write_text(json.dumps(self.origin, indent=1) + "\n")

    def figure(self, variant: str, n: int, name: str) -> float | None:
        """Return the median of a figure over all runs of a variant with `n` machines; None where it was not measured.

        Of memory it is the most.
        """
        found = [getattr(run, name) for run in self.runs if (run.variant, run.n) == (variant, n)]
        measured = [value for value in found if value is not None]
        if not measured:
            return None
        return float(max(measured) if name == "control_mb" else median(measured))

    def sizes(self, variant: str) -> list[int]:
        """Return the numbers of machines that a variant was run with."""
        return sorted({run.n for run in self.runs if run.variant == variant})

    @property
    def n(self) -> int:
        """Machines of the classes of which one size is enough."""
        return int(next((origin["n"] for origin in self.origin.values()), USUAL_N))

    @property
    def variants(self) -> list[str]:
        """All of them, in the order in which they ran."""
        return list(dict.fromkeys(run.variant for run in self.runs))


def here() -> dict[str, str]:
    """Say on what, with what and when is measured."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cpu": f"{os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "ansible-core": version("ansible-core"),
        "python": platform.python_version(),
        "ssh": _said("ssh", "-V").partition(",")[0],
    }


def _said(*command: str) -> str:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).strip()
