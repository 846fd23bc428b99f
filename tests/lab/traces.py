"""What a lab could leave on this machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from lab import layout

PORTS = tuple(f":{port}" for port in (layout.ENDPOINT_PORT, layout.MAIL_PORT, layout.MIRROR_PORT))


def traces() -> dict[str, list[str]]:
    """Return everything on this machine that a lab could leave behind."""

    def lines(*command: str) -> list[str]:
        return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())

    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (folder / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if layout.CGROUP in groups or "lab.service" in command or str(layout.PODMAN) in command:
            processes.append(f"{folder.name} {command}")
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {
        "processes": processes,
        # Other tests mount small disks below pytest's folder.
        "mounts": sorted(mount for mount in mounts if "/pytest-of-" not in mount),
        "routes": lines("ip", "route", "show", "table", "all"),
        "links": sorted(re.findall(r"^\d+: ([^:@]+)", "\n".join(lines("ip", "-oneline", "link")), re.MULTILINE)),
        "control groups": sorted(map(str, Path("/sys/fs/cgroup").glob(f"**/{layout.CGROUP}"))),
        "listening": [line.split()[3] for line in lines("ss", "-Hltn") if line.split()[3].endswith(PORTS)],
        "files": sorted(map(str, [*layout.RUN.glob("*"), *layout.STATE.glob("*")])),
    }
