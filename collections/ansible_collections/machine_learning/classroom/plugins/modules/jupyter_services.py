#!/usr/bin/python
"""Run one Jupyter service per student."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_services
short_description: Run one Jupyter service per student
description:
  - Installs the unit C(jupyter@.service) and Jupyter's settings, and for each student a token file and a port.
  - Starts every service, at boot too, and waits until each one answers to its token and to nothing else.
  - A service restarts only where its own unit, settings, token or port changed, since a restart ends its kernels.
author: The machine_learning_aws developers
options:
  ports:
    description: The port of each student of this machine, by username.
    type: dict
    required: true
  tokens:
    description: The token of each student of this machine, by username.
    type: dict
    required: true
  unit:
    description: The text of C(jupyter@.service).
    type: str
    required: true
  files:
    description: Other files that all services read, text by path.
    type: dict
    default: {}
  state_directory:
    description: Where tokens and ports are kept. The unit reads C(USERNAME/token) and C(USERNAME/environment) here.
    type: path
    required: true
  timeout:
    description: How many seconds the services may take to answer.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Says what would change; asks no service.
"""

EXAMPLES = r"""
- name: Run a Jupyter service for every student
  machine_learning.classroom.jupyter_services:
    ports: {ada: 8888}
    tokens: {ada: "{{ token }}"}
    unit: "{{ lookup('ansible.builtin.template', 'jupyter@.service.j2') }}"
    state_directory: /etc/machine_learning_aws/jupyter
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jupyter import answer, is_ready

UNIT = "/etc/systemd/system/jupyter@.service"
SECONDS_BETWEEN_QUESTIONS = 0.5


def own_files(host: Host, username: str, port: int, token: str, state_directory: str) -> bool:
    """Keep the student's token and port; returns whether either changed."""
    directory = f"{state_directory}/{username}"
    host.directory(directory, mode=0o755)
    new_token = host.file(f"{directory}/token", token, mode=0o400, owner=username, secret=True)
    new_port = host.file(f"{directory}/environment", f"JUPYTER_PORT={port}\n", mode=0o644)
    return new_token or new_port


def service(host: Host, username: str, *, restart: bool) -> None:
    """Enable the student's service and have it run, newly started where `restart` says so."""
    unit = f"jupyter@{username}.service"
    if host.probe(["systemctl", "is-enabled", "--quiet", unit]).returncode != 0:
        host.run(["systemctl", "enable", "--quiet", unit], what=f"enabled {unit}")
    if host.probe(["systemctl", "is-active", "--quiet", unit]).returncode != 0:
        host.run(["systemctl", "start", unit], what=f"started {unit}")
    elif restart:
        host.run(["systemctl", "restart", unit], what=f"restarted {unit}")


def wait(host: Host, ports: dict[str, int], tokens: dict[str, str], timeout: int) -> None:
    """Wait until every service answers as it should; fail with its own last words otherwise."""
    deadline = time.monotonic() + timeout
    waiting = list(ports)
    while waiting := [username for username in waiting if not is_ready(ports[username], tokens[username])]:
        if time.monotonic() > deadline:
            username, port = waiting[0], ports[waiting[0]]
            journal = host.probe(["journalctl", "--unit", f"jupyter@{username}", "--lines", "5", "--output", "cat"])
            host.fail(
                f"Jupyter of {username} does not answer on port {port} ({answer(port, tokens[username])}). "
                f"It says: {' / '.join(journal.stdout.strip().splitlines()) or 'nothing'}\n"
                f"Look at it with `journalctl -u jupyter@{username}` on the machine, then run configure.yml again."
            )
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "ports": {"type": "dict", "required": True},
            "tokens": {"type": "dict", "required": True, "no_log": True},
            "unit": {"type": "str", "required": True},
            "files": {"type": "dict", "default": {}},
            "state_directory": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    given = module.params
    host = Host(module)
    unit = host.file(UNIT, given["unit"], mode=0o644)
    if unit and not host.check_mode:
        host.ask(["systemctl", "daemon-reload"])
    shared = unit
    for path, text in given["files"].items():
        if not host.check_mode:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        shared = host.file(path, text, mode=0o644) or shared
    if not host.check_mode:
        os.makedirs(given["state_directory"], mode=0o755, exist_ok=True)
    for username, port in given["ports"].items():
        own = own_files(host, username, port, given["tokens"][username], given["state_directory"])
        service(host, username, restart=shared or own)
    if not host.check_mode:
        wait(host, given["ports"], given["tokens"], given["timeout"])
    host.done()


if __name__ == "__main__":
    main()
