"""Have a machine stop itself when class ends, or no more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "calendar": {"type": "list", "elements": "str", "required": True},
    "units": {"type": "dict", "required": True},
    "files": {"type": "dict", "required": True},
}

UNITS = "/etc/systemd/system"


def refuse_unknown(host: Host, calendar: list[str]) -> None:
    """Refuse what this machine's systemd does not understand: the timer would never elapse."""
    verdict = host.probe(["systemd-analyze", "calendar", *calendar])
    if verdict.returncode != 0:
        said = verdict.stderr.strip().splitlines() or ["no message"]
        host.fail(
            f"This machine's systemd cannot keep the hours of the class: {said[-1]}\n"
            "Its time zones may be fewer than this computer's. Set the zone of class_timetable in "
            "group_vars/all/class.yml to one that `timedatectl list-timezones` lists on the machine, such as "
            "America/New_York for US/Eastern; then run configure.yml again."
        )


def lay(host: Host, units: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Lay the files, and start the timers, at boot too. One that has changed counts with its new hours at once."""
    for path, text in files.items():
        if not host.check_mode:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        host.file(path, text, mode=0o644)
    with host.renewing("hours") as is_due:
        renewed = {name: host.file(f"{UNITS}/{name}", text, mode=0o644) or is_due for name, text in units.items()}
        if any(renewed.values()) and not host.check_mode:
            host.ask(["systemctl", "daemon-reload"])
        for name in _timers(units):
            host.keep_running(name, restart=renewed[name])


def take_away(host: Host, units: Iterable[str], files: Iterable[str]) -> None:
    """End the timers and remove what is there of the files."""
    for name in _timers(units):
        if os.path.lexists(f"{UNITS}/{name}"):
            host.run(["systemctl", "disable", "--quiet", "--now", name], what=f"stopped {name}")
    there = [path for path in (*files, *(f"{UNITS}/{name}" for name in units)) if os.path.lexists(path)]
    for path in there:
        if host.change(f"removed {path}"):
            os.unlink(path)
    if there and not host.check_mode:
        host.ask(["systemctl", "daemon-reload"])


def _timers(units: Iterable[str]) -> list[str]:
    return [name for name in units if name.endswith(".timer")]


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    if given["calendar"]:
        refuse_unknown(host, given["calendar"])
        lay(host, given["units"], given["files"])
    else:
        take_away(host, given["units"], given["files"])
    return {}
