"""For how long commands of a class ran, as they remembered it: what the next one is expected to take.

The file has a line for each run that made machines and ended well, the last `MOST` of them. No line is ever changed.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

# In the folder in which a class remembers. It outlives teardown: the next term's machines take as long.
FILE = "run_durations.jsonl"
MOST = 200
NEAREST = 5  # so many runs say what is to be expected


@dataclass(frozen=True)
class Took:
    """A run of a command for so many new machines, from a baked image or a plain one."""

    command: str
    machines: int
    baked: bool
    seconds: int
    at: int  # when it ended, in seconds since 1970


def remember(state_dir: str, run: Took) -> None:
    """Add a line. Nothing is kept where the class has no folder yet. Raise OSError if it cannot be kept."""
    if os.path.isdir(state_dir):
        path = os.path.join(state_dir, FILE)
        lines = [*_lines(path)[1 - MOST :], json.dumps(asdict(run), sort_keys=True)]
        write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def recorded(state_dir: str) -> list[Took]:
    """Return the runs that are remembered; a line that cannot be read says nothing, nor does a file."""
    runs = []
    for line in _lines(os.path.join(state_dir, FILE)):
        with suppress(KeyError, OverflowError, TypeError, ValueError):
            said = json.loads(line)
            number, seconds = int(said["machines"]), int(said["seconds"])
            if number > 0 and seconds > 0:
                runs.append(Took(str(said["command"]), number, bool(said["baked"]), seconds, int(said["at"])))
    return runs


def expected(runs: Iterable[Took], command: str, machines: int, *, baked: bool) -> str:
    """Say how long a command may take for so many machines: as long as the runs of its kind with the nearest numbers.

    Machines are made side by side, so half of them take about as long as all.
    """
    alike = [run for run in runs if (run.command, run.baked) == (command, baked)]
    alike.sort(key=lambda run: (abs(math.log(run.machines / machines)), -run.at))
    if not (nearest := alike[:NEAREST]):
        return "not known yet"
    minutes = math.ceil(median(run.seconds for run in nearest) / 60)
    numbers = sorted({run.machines for run in nearest})
    of = f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
    return (
        f"about {minutes} {'minute' if minutes == 1 else 'minutes'}, from {len(nearest)} recorded "
        f"{'run' if len(nearest) == 1 else 'runs'} with {of} {'machine' if of == '1' else 'machines'}"
    )


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
