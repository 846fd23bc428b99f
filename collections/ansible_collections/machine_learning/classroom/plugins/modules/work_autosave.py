#!/usr/bin/python
"""Keep a history of each student's folder on the machine itself, from which the student brings files back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_autosave
short_description: Keep a history of each student's folder on the machine itself
description:
  - Installs the commands C(my-work) and C(bring-back), by which students see what was saved and bring files back.
  - Starts a timer for each student, which saves what is new in the student's folder, as the student.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - git
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  students:
    description: The usernames of the students. Their accounts must exist.
    type: list
    elements: str
    required: true
  units:
    description: The texts of C(my-work@.service) and C(my-work@.timer), by name.
    type: dict
    required: true
  settings:
    description: What the commands know of the class, as C(module_utils/work/autosave.py) names it.
    type: dict
    required: true
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Save the students' work every ten minutes
  machine_learning.classroom.work_autosave:
    students: [ada]
    units: "{{ units }}"
    settings:
      source: /home/ubuntu/machine_learning_aws/daily_user
      store: /var/lib/my-work
      largest_mb: 1024
      most_mb: 2048
      days: 7
      minutes: 10
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

import json
import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.student_program import SETTINGS, program

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
    renewed = {name: host.file(f"{UNITS}/{name}", text, mode=0o644) for name, text in units.items()}
    if any(renewed.values()) and not host.check_mode:
        host.ask(["systemctl", "daemon-reload"])
    for username in students:
        host.keep_running(f"my-work@{username}.timer", restart=renewed["my-work@.timer"])


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "students": {"type": "list", "elements": "str", "required": True},
            "units": {"type": "dict", "required": True},
            "settings": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    host = Host(module)
    if shutil.which("git") is None:
        host.fail("There is no git on this machine, although Ubuntu's images have it. Install it, then run again.")
    commands(host, given["settings"])
    timers(host, given["students"], given["units"])
    host.done()


if __name__ == "__main__":
    main()
