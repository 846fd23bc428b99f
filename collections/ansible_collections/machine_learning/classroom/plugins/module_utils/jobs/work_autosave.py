"""Keep a history of each student's folder on the machine itself, from which the student brings files back."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.work.student_program import SETTINGS, program

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "students": {"type": "list", "elements": "str", "required": True},
    "units": {"type": "dict", "required": True},
    "settings": {"type": "dict", "required": True},
}

UNITS = "/etc/systemd/system"
PROGRAM = "/usr/local/lib/machine_learning_aws/my-work.pyz"
COMMANDS = "/usr/local/bin"
COMMAND = '#!/bin/sh\nexec /usr/bin/python3 -I {program} {name} "$@"\n'


def commands(host: Host, settings: dict[str, object]) -> None:
    """Install the program, its settings and the two commands."""
    for path in (PROGRAM, SETTINGS):
        if not host.check_mode:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    host.file(PROGRAM, program(), mode=0o644, secret=True)  # no secret, but nothing that anybody wants to see in a diff
    host.file(SETTINGS, json.dumps(settings, indent=1, sort_keys=True) + "\n", mode=0o644)
    for name in ("my-work", "bring-back"):
        host.file(f"{COMMANDS}/{name}", COMMAND.format(program=PROGRAM, name=name), mode=0o755)


def timers(host: Host, students: list[str], units: dict[str, str]) -> None:
    """Install the units, and start the timer of each student, at boot too."""
    with host.renewing("my-work") as is_due:
        renewed = {name: host.file(f"{UNITS}/{name}", text, mode=0o644) or is_due for name, text in units.items()}
        if any(renewed.values()) and not host.check_mode:
            host.ask(["systemctl", "daemon-reload"])
        for username in students:
            host.keep_running(f"my-work@{username}.timer", restart=renewed["my-work@.timer"])


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    if shutil.which("git") is None:
        host.fail("There is no git on this machine, although Ubuntu's images have it. Install it, then run again.")
    commands(host, given["settings"])
    timers(host, given["students"], given["units"])
    return {}
