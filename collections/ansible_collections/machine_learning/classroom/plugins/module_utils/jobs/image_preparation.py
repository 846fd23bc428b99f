"""Leave on this machine what every machine of the class carries, and nothing that is its own alone."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "units": {"type": "dict", "required": True},
    "student_group": {"type": "str", "default": "students"},
}

ROOT = Path("/")
LAST_STEPS = 300  # s
UNITS = "/etc/systemd/system"

# What would write again what is about to go: the random seed is saved when this stops, and the journal's files.
# syslog.socket would start rsyslog again. None of them need be there.
WRITERS = ("systemd-random-seed.service", "syslog.socket", "rsyslog.service")

# Patterns of files and folders, below the root.
KEYS = ("etc/ssh/ssh_host_*", "var/lib/systemd/credential.secret", "var/lib/systemd/random-seed")
CLOUD_INIT = ("var/lib/cloud/instance", "var/lib/cloud/instances", "etc/sudoers.d/90-cloud-init-users")
# Written by the user data of the launch, and again by that of the next.
OF_THE_LAUNCH = (
    "etc/systemd/system/class-host-keys.service",
    "etc/systemd/system/multi-user.target.wants/class-host-keys.service",
    "etc/systemd/system/class-stop.*",
    "etc/systemd/system/timers.target.wants/class-stop.timer",
    "var/lib/systemd/timers/stamp-class-stop.timer",
)
LOGS = ("var/log/journal/*", "var/log/**/*.gz", "var/log/**/*.[0-9]", "var/crash/*")
LEASES = ("var/lib/dhcp/*", "var/lib/NetworkManager/*")
PACKAGES = ("var/lib/apt/lists/*", "var/cache/apt/archives/*.deb", "var/cache/apt/*.bin")
TEMPORARY = ("tmp/*", "var/tmp/*")
# In the homes of root and of who may log in.
OF_A_HOME = (".ssh", ".ansible", ".cache", ".*_history", ".lesshst", ".viminfo", ".wget-hsts")
FIRST_UID, LAST_UID = 1000, 60000


def refuse_students(host: Host, group: str) -> None:
    """Refuse a machine on which somebody works: keys and logs would go from under them."""
    try:
        members = grp.getgrnam(group).gr_mem
    except KeyError:
        return
    if members:
        host.fail(
            f"{', '.join(sorted(members))} would lose this machine: it has students, so it becomes no image.\n"
            "Run bake.yml, which launches one of its own."
        )


def read_ahead(host: Host, units: dict[str, str]) -> None:
    """Install the units that run on whatever is launched from the image; here they have nothing to do."""
    for name, text in units.items():
        host.file(f"{UNITS}/{name}", text, mode=0o644)
        host.enable(name)


def silence(host: Host) -> None:
    """Let nothing be written any more of what is about to go."""
    if host.check_mode:
        return
    # Its last steps may still run, and need not succeed.
    host.probe(["timeout", str(LAST_STEPS), "cloud-init", "status", "--wait"])
    host.ask(["journalctl", "--relinquish-var"])  # from now on it is kept in memory
    for unit in WRITERS:
        host.probe(["systemctl", "stop", unit])


def homes() -> Iterator[Path]:
    """Yield the homes of root and of all who may log in."""
    for account in pwd.getpwall():
        if account.pw_uid == 0 or FIRST_UID <= account.pw_uid <= LAST_UID:
            yield ROOT / account.pw_dir.lstrip("/")


def in_use() -> set[Path]:
    """Return the folders from which this very program is read: Ansible unpacks it to one, and takes it away itself."""
    temporary = [ROOT / "tmp", ROOT / "var/tmp"]
    return {
        folder / Path(path).relative_to(folder).parts[0]
        for path in sys.path
        for folder in temporary
        if Path(path) != folder and Path(path).is_relative_to(folder)
    }


def found(patterns: Iterable[str], below: Path) -> list[Path]:
    """Return what there is of `patterns`, a folder before what lies in it."""
    return sorted({path for pattern in patterns for path in below.glob(pattern)})


def remove(host: Host, what: str, paths: list[Path]) -> None:
    """Remove files and folders, if there are any."""
    if not paths or not host.change(f"removed {what}"):
        return
    for path in paths:
        delete(path)


def delete(path: Path) -> None:
    """Delete a file, or a folder with all that is in it; one that is gone already is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def empty_logs(host: Host) -> None:
    """Empty the logs, which programs expect to find."""
    logs = [path for path in (ROOT / "var/log").rglob("*") if path.is_file() and path.stat().st_size]
    if logs and host.change("emptied the logs"):
        for path in logs:
            os.truncate(path, 0)


def forget_launch(host: Host) -> None:
    """Have cloud-init forget how this machine was launched, with what it wrote for the account that logs in."""
    if host.change("had cloud-init forget this machine"):
        host.ask(["cloud-init", "clean", "--logs"])
        for path in found(CLOUD_INIT, ROOT):
            delete(path)


def forget_machine_id(host: Host) -> None:
    """Leave the machine id empty: systemd makes a new one, without taking the next boot for the first of a new system.

    At that it would enable all units anew.
    """
    path = ROOT / "etc/machine-id"
    if path.exists() and path.stat().st_size and host.change("emptied the machine id"):
        os.truncate(path, 0)
    copy = ROOT / "var/lib/dbus/machine-id"
    if copy.is_file() and not copy.is_symlink():  # by default a link
        remove(host, "its copy", [copy])


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    refuse_students(host, given["student_group"])
    read_ahead(host, given["units"])
    silence(host)
    forget_launch(host)
    remove(host, "the units of its launch", found(OF_THE_LAUNCH, ROOT))
    remove(host, "old logs", found(LOGS, ROOT))
    remove(host, "leases", found(LEASES, ROOT))
    remove(host, "lists of packages", found(PACKAGES, ROOT))
    remove(host, "temporary files", [path for path in found(TEMPORARY, ROOT) if path not in in_use()])
    empty_logs(host)
    forget_machine_id(host)
    remove(host, "host keys and seeds", found(KEYS, ROOT))
    remove(host, "keys and traces of who logged in", [path for home in homes() for path in found(OF_A_HOME, home)])
    os.sync()
    return {}
