"""What a lab could leave on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from lab.layout import CGROUP


def traces() -> dict[str, set[str]]:
    """List processes, links, routes, mounts and cgroups of this machine, without what comes and goes by itself."""
    return {
        "processes": _processes(),
        "links": {link["ifname"] for link in json.loads(_run("ip", "-json", "link"))},
        "routes": set(_run("ip", "route").splitlines()),
        # Other tests mount small disks below pytest's folder.
        "mounts": {
            mount
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if "/pytest-of-" not in (mount := line.split()[4])
        },
        # Any other podman on this machine has control groups too, and leaves them there.
        "cgroups": {str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}")},
    }


def _processes() -> set[str]:
    """Name every process that this test did not start itself and that is no kernel thread."""
    own = _family(os.getpid())
    found = set()
    for status in Path("/proc").glob("[0-9]*"):
        try:
            words = (status / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has just ended
        if (
            words
            and int(status.name) not in own
            and re.search(r"podman|conmon|runc|moto|python\S* -m lab|systemd", words)
        ):
            found.add(words)
    return found


def _family(pid: int) -> set[int]:
    """Return this process and all its ancestors: they are not the lab's."""
    family = set()
    while pid > 0:
        family.add(pid)
        stat = Path(f"/proc/{pid}/stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
    return family


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
