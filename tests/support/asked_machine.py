"""This machine, as ansible-playbook asks and makes it ready in tests: all that is made is below one folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.notebook_course import ME
from tools import PROJECT

REMEMBER = """
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.copy:
        content: "{{ hostvars['machine-1'] | to_json }}"
        dest: "{{ base }}/known"
        mode: "0600"
      check_mode: false
"""


class Machine:
    """This machine, as Ansible knows it, and a folder for all that is made on it."""

    def __init__(self, base: Path) -> None:
        """Nothing is made yet."""
        self.base = base
        self.variables: dict[str, Any] = {
            "base": str(base),
            "owner": ME,
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
            "project_configure_force": False,
            "project_patience_s": 30,
        }
        self.said = ""

    def run(self, play: str, *arguments: str, roles: Path = PROJECT / "roles") -> dict[str, Any]:
        """Run a play on it; return what Ansible knows of it then."""
        files = {"play.yml": play + REMEMBER, "hosts.yml": "all: {hosts: {machine-1: {}}}\n"}
        files["variables.json"] = json.dumps(self.variables)
        for name, text in files.items():
            (self.base / name).write_text(text)
        for name in ("ran", "begun", "log"):
            (self.base / name).write_text("")
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                f"--inventory={self.base / 'hosts.yml'}",
                f"--extra-vars=@{self.base / 'variables.json'}",
                *arguments,
                str(self.base / "play.yml"),
            ],
            cwd=PROJECT,
            env=os.environ
            | {"ANSIBLE_ROLES_PATH": str(roles), "ANSIBLE_LOG_PATH": f"{self.base}/log", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        self.said = done.stdout + done.stderr
        assert done.returncode == 0, self.said
        known: dict[str, Any] = json.loads((self.base / "known").read_text())
        return known

    @property
    def ran(self) -> list[str]:
        """The roles that ran, in order."""
        return (self.base / "ran").read_text().split()

    @property
    def begun(self) -> list[str]:
        """Those that were on the screen when they ran."""
        return (self.base / "begun").read_text().split()
