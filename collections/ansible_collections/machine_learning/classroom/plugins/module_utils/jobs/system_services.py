"""Keep the system's own services out of the class's way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "at_boot": {"type": "dict", "required": True},
    "timers": {"type": "dict", "required": True},
    "time_zone": {"type": "str", "required": True},
    "files": {"type": "dict", "required": True},
}

UNITS = "/etc/systemd/system"
TIME_ZONES = "/usr/share/zoneinfo"  # of the package tzdata; systemd knows UTC without it


def refuse_unknown(host: Host, time_zone: str) -> None:
    """Refuse a time zone in which systemd could find no hour: the timer would never elapse."""
    if time_zone != "UTC" and not os.path.isfile(f"{TIME_ZONES}/{time_zone}"):
        host.fail(
            f"There is no time zone {time_zone!r}. Set class_time_zone in group_vars/all/class.yml to one such as "
            "Europe/Berlin (`timedatectl list-timezones` lists them), then run configure.yml again."
        )


def drop_in(host: Host, timer: str, text: str) -> bool:
    """Lay `text` beside a timer's own settings; returns whether it changed."""
    directory = f"{UNITS}/{timer}.d"
    host.directory(directory, mode=0o755)
    return host.file(f"{directory}/50-machine-learning-class.conf", text, mode=0o644)


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    refuse_unknown(host, given["time_zone"])
    for path, text in given["files"].items():
        if not host.check_mode:  # where the program is not installed, its folder is missing
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        host.file(path, text, mode=0o644)
    with host.renewing("system") as is_due:
        units = [host.file(f"{UNITS}/{name}", text, mode=0o644) for name, text in given["at_boot"].items()]
        other_times = [timer for timer, text in given["timers"].items() if drop_in(host, timer, text) or is_due]
        if (any(units) or other_times) and not host.check_mode:
            host.ask(["systemctl", "daemon-reload"])
        for name in given["at_boot"]:
            host.enable(name)
        for timer in other_times:
            if host.change(f"restarted {timer}"):
                host.probe(["systemctl", "try-restart", timer])  # one that the system lacks need not succeed
    return {}
