"""Run as root on a machine: print all that a run may not touch there in check mode, one JSON array per line."""

import json
import os
import re
import subprocess
from pathlib import Path

# Everything that configure writes to, and where the students work.
ROOTS = ["/etc", "/home", "/opt", "/root", "/usr/local", "/var/lib/machine_learning_aws", "/var/lib/my-work"]
# Where Ansible works, and what Jupyter and a student's timer may write at any time.
COME_AND_GO = re.compile(r"/\.ansible|/\.local/share/jupyter/|/\.cache/|^/var/lib/my-work/[^/]+(/|$)")
# Units that come with a login, or at times of their own.
SESSIONS = re.compile(r"session-|user@|user-|run-|\.device|my-work@.*\.service|apt-|motd|dpkg|man-db|fstrim|tmpfiles")


def command(*words: str) -> list[str]:
    """Return the lines that a command prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def show(*row: object) -> None:
    """Print one thing."""
    print(json.dumps(row))


for root in ROOTS:
    for top, folders, files in os.walk(root):
        for path in [top, *(os.path.join(top, name) for name in folders + files)]:
            if not COME_AND_GO.search(path):
                found = os.lstat(path)
                owner = (oct(found.st_mode), found.st_uid, found.st_gid)
                show("file", path, found.st_ino, *owner, found.st_mtime_ns, found.st_ctime_ns)

units = [line.split()[0] for line in command("systemctl", "list-units", "--all", "--plain", "--no-legend")]
for unit in sorted(unit for unit in units if not SESSIONS.search(unit)):
    shown = command(
        "systemctl", "show", "--property=ActiveState,SubState,InvocationID,MainPID,UnitFileState", "--", unit
    )
    show("unit", unit, *shown)

parents, processes = {}, {}
for stat in Path("/proc").glob("[0-9]*/stat"):
    try:
        before, _, rest = stat.read_text().rpartition(") ")
        where = stat.with_name("cgroup").read_text()
    except OSError:
        continue  # it has just ended
    number, _, name = before.partition(" (")
    _, parent, *others = rest.split()
    parents[number] = (parent, name)
    if not SESSIONS.search(where) and name not in ("systemd-udevd", "(udev-worker)"):
        processes[number] = (number, name, others[17])  # with the moment when it began


def is_of_a_login(number: str) -> bool:
    """Tell whether somebody's ssh connection began it, ours included."""
    parent, _ = parents.get(number, ("0", ""))
    return parent in parents and (parents[parent][1] == "sshd" or is_of_a_login(parent))


for number, row in processes.items():
    if not is_of_a_login(number):
        show("process", *row)
