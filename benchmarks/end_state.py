"""Run as root on a machine: print what the roles student, notebooks and jupyter leave there.

One JSON array per line.
"""

import grp
import hashlib
import itertools
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from pathlib import Path

ROOTS = sys.argv[1:] or [
    "/etc/jupyter",
    "/etc/machine_learning_aws",
    "/etc/ssh/sshd_config.d",
    "/etc/systemd/system",
    "/home",
]
# Where Ansible and pyinfra work, and what Jupyter, shells and sudo write at any time.
COME_AND_GO = re.compile(r"/\.(ansible|cache|config|ipython|jupyter|local|sudo_as_admin_successful)(/|$)")
GROUP = "students"
UNITS = ["cron.service", "ssh.service", "ssh.socket"]


def command(*words: str) -> str:
    """Return what a command prints, however it ends."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def show(*row: object) -> None:
    """Print one thing."""
    print(json.dumps(row))


def name(find: object, number: int) -> str:
    """Return the name of an account or a group; the number if it has none."""
    try:
        return str(find(number)[0])  # type: ignore[operator]  # pwd.getpwuid or grp.getgrgid
    except KeyError:
        return str(number)


for root in ROOTS:
    for top, folders, files in os.walk(root):
        for path in [top, *(os.path.join(top, each) for each in folders + files)]:
            if COME_AND_GO.search(path):
                continue
            found = os.lstat(path)
            content = ""
            if stat.S_ISLNK(found.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(found.st_mode):
                content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            show(
                "file",
                path,
                oct(found.st_mode),
                name(pwd.getpwuid, found.st_uid),
                name(grp.getgrgid, found.st_gid),
                content,
            )

shadow = dict(line.split(":", 1) for line in Path("/etc/shadow").read_text().splitlines())
members = [entry.gr_mem for entry in grp.getgrall() if entry.gr_name == GROUP]
show("group", GROUP, members, [entry.gr_gid < 1000 for entry in grp.getgrall() if entry.gr_name == GROUP])
for username in itertools.chain(*members):
    account = pwd.getpwnam(username)
    fields = shadow[username].split(":")
    password, expires = fields[0], fields[6]
    hashed = hashlib.sha256(password.encode()).hexdigest()
    show("account", username, account.pw_dir, account.pw_shell, name(grp.getgrgid, account.pw_gid), hashed, expires)
    UNITS += [f"jupyter@{username}.service", f"jupyter-port@{username}.socket"]
for unit in UNITS:
    show("unit", unit, command("systemctl", "is-enabled", unit), command("systemctl", "is-active", unit))
for address in sorted({line.split()[3] for line in command("ss", "-Hltn").splitlines()}):
    if address.rpartition(":")[2] in ("22", "443") or "888" in address:
        show("port", address)
