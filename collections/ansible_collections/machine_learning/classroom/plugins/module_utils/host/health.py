"""What a machine has left, room on its disk and memory for its services; and how long it has run."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

CGROUPS = "/sys/fs/cgroup/system.slice"


def disk_percent(path: str) -> int:
    """Return how full the disk that holds `path` is for its users, as df(1) counts it: 0 to 100, rounded up."""
    disk = os.statvfs(path)
    used = disk.f_blocks - disk.f_bfree
    return math.ceil(100 * used / ((used + disk.f_bavail) or 1))


def ended_for_memory(template: str, instance: str) -> int:
    """Return how many processes of the service `template@instance` the kernel has ended for want of memory.

    It counts from the start of the service: `oom_kill` in memory.events of
    https://docs.kernel.org/admin-guide/cgroup-v2.html. A service that does not run has ended none.
    """
    events = Path(CGROUPS, f"system-{template}.slice", f"{template}@{instance}.service", "memory.events")
    try:
        counts = dict(line.split() for line in events.read_text().splitlines())
    except OSError:
        return 0
    return int(counts.get("oom_kill", 0))


def seconds_since_boot() -> int:
    """Return how long ago the machine booted: how old its first process is, which holds in a container as well.

    Field 22 of proc_pid_stat(5) is when it began, in ticks of the same clock. Its name, which may hold blanks, is in
    parentheses.
    """
    began = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) - began)
