#!/usr/bin/python
"""End what students do on a machine, and keep them out."""

from __future__ import annotations

DOCUMENTATION = r"""
module: student_lockout
short_description: End what students do on a machine, and keep them out
description:
  - Closes the students' accounts, stops their Jupyter and ends every process of theirs, so that nothing that they wrote
    changes any more. Files stay as they are.
  - M(machine_learning.classroom.student_accounts) opens an account again.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  usernames:
    description:
      - The students. One who has no account on the machine is out already; an account of this name that is no
        student's stays as it is.
    type: list
    elements: str
    required: true
  group:
    description: The group of all students.
    type: str
    default: students
  project_directory:
    description: The folder that holds C(daily_user).
    type: path
    required: true
  permanently:
    description: Whether their Jupyter stays off after the next boot, too, and nothing of theirs is saved any more.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Keep a student out
  machine_learning.classroom.student_lockout:
    usernames: [ada]
    project_directory: /home/ubuntu/machine_learning_aws
    permanently: true
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.accounts import (
    EXPIRED,
    expiry,
    is_students,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

# A process that waits for a disk ends a moment after it was killed.
ATTEMPTS = 50
SECONDS_BETWEEN = 0.1


def close_account(host: Host, username: str) -> None:
    """Let nobody log in, neither with a password nor with a key, nor cron start anything."""
    if expiry(username) != EXPIRED:
        host.run(["usermod", "--expiredate", EXPIRED, username], what=f"closed the account of {username}")


def stop_jupyter(host: Host, username: str) -> None:
    """Stop the student's Jupyter and the port that leads to it."""
    units = [f"jupyter-port@{username}.socket", f"jupyter-port@{username}.service", f"jupyter@{username}.service"]
    if any(host.probe(["systemctl", "is-active", "--quiet", unit]).returncode == 0 for unit in units):
        host.run(["systemctl", "stop", *units], what=f"stopped the Jupyter of {username}")


def stay_off(host: Host, username: str) -> None:
    """Start nothing for the student at the next boot, and save nothing any more."""
    for unit in (f"jupyter-port@{username}.socket", f"jupyter@{username}.service", f"my-work@{username}.timer"):
        if host.probe(["systemctl", "is-enabled", "--quiet", unit]).returncode == 0:
            host.run(["systemctl", "disable", "--now", "--quiet", unit], what=f"disabled {unit}")


def end_processes(host: Host, username: str) -> None:
    """End whatever else the student runs, until nothing is left."""
    find = ["pgrep", "--uid", username]
    if host.probe(find).returncode != 0 or not host.change(f"ended the sessions of {username}"):
        return
    for _ in range(ATTEMPTS):
        host.probe(["loginctl", "kill-user", "--signal=SIGKILL", username])
        host.probe(["pkill", "-KILL", "--uid", username])
        if host.probe(find).returncode != 0:
            return
        time.sleep(SECONDS_BETWEEN)
    host.fail(f"Processes of {username} do not end. Reboot the machine in the EC2 console, then run this again.")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "usernames": {"type": "list", "elements": "str", "required": True},
            "group": {"type": "str", "default": "students"},
            "project_directory": {"type": "path", "required": True},
            "permanently": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    where = module.params["group"], module.params["project_directory"]
    for username in (name for name in module.params["usernames"] if is_students(name, *where)):
        close_account(host, username)
        stop_jupyter(host, username)
        if module.params["permanently"]:
            stay_off(host, username)
        end_processes(host, username)
    host.done()


if __name__ == "__main__":
    main()
