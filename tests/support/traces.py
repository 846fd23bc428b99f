"""What a lab could leave on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from lab import layout

PORTS = (
    f"{layout.GATEWAY}:{layout.DNS_PORT}",  # others have that port at other addresses
    *(
        f":{port}"
        for port in (
            layout.ENDPOINT_PORT,
            layout.MAIL_PORT,
            layout.MIRROR_PORT,
            layout.ACME_PORT,
            layout.ACME_MANAGEMENT_PORT,
            layout.PEBBLE_PORT,
        )
    ),
)

OURS = (layout.PODMAN, layout.ACME)  # in the words of processes


def traces() -> dict[str, set[str]]:
    """List all that a lab could have made here, by kind, without what comes and goes by itself."""
    mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    listening = {line.split()[3] for line in _lines("ss", "-Hltn")}
    return {
        "processes": _processes(),
        "links": {link["ifname"] for link in json.loads("".join(_lines("ip", "-json", "link")))},
        "network namespaces": {path.name for path in layout.NAMESPACES.glob("*")},
        "routes": {re.sub(r" expires \d+sec", "", line) for line in _lines("ip", "route", "show", "table", "all")},
        # Other tests mount small disks below pytest's folder.
        "mounts": {mount for mount in mounts if "/pytest-of-" not in mount},
        # Any other podman on this machine has control groups too, and leaves them there.
        "control groups": {str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{layout.CGROUP}")},
        "packet filters": set(_lines("nft", "list", "tables")) if shutil.which("nft") else set(),
        "listening": {address for address in listening if address.endswith(PORTS)},
        "files": {str(path) for folder in (layout.RUN, layout.STATE) for path in folder.glob("*")},
    }


def _processes() -> set[str]:
    """Name the lab's processes with their numbers, and by their words alone those of programs that it uses."""
    own = _family(os.getpid())
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            groups = (folder / "cgroup").read_text()
        except OSError:
            continue  # it has just ended
        if layout.CGROUP in groups or "lab.service" in words or any(str(path) in words for path in OURS):
            found.add(f"{folder.name} {words}")
        elif re.search(r"podman|conmon|runc|moto|python\S* -m lab|systemd", words) and int(folder.name) not in own:
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


def _lines(*words: str) -> list[str]:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
