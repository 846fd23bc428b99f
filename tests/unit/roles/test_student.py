"""The role `student`, and what the others make of its answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.student_accounts import only_kept

from tools import PROJECT

PLAY = """
- hosts: machines
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: student}
      when: false
    - ansible.builtin.import_role: {name: notebooks}
      when: false
    - ansible.builtin.import_role: {name: work, tasks_from: autosave}
      when: false
    - ansible.builtin.import_role: {name: jupyter}
      when: false
    - ansible.builtin.copy:
        dest: "{{ inventory_dir }}/answer.json"
        content: "{{ [given, jupyter_ports, notebooks_students, work_students] | to_json }}"
        mode: "0600"
      delegate_to: localhost
      vars: {given: "{{ [student_ports, student_password_hashes] }}"}
"""


def test_who_has_no_account_on_the_machine_gets_nothing_else_there_and_no_port_shifts(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "group_vars", tmp_path / "group_vars")
    names = ["ada", "docker", "grace"]
    accounts = {name: {"username": name, "password_hash": "x", "token": "t"} for name in names}
    machine = {
        "ansible_connection": "local",
        "ansible_become": False,
        "aws_ec2_tags": {"Students": " ".join(names)},
        "credentials_kept": {"accounts": accounts},
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"machines": {"hosts": {"m": machine}}}}}))
    (tmp_path / "play.yml").write_text(PLAY)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            f"--inventory={tmp_path}/hosts.yml",
            f"--extra-vars={json.dumps({'student_given': {'refused': ['docker']}})}",
            str(tmp_path / "play.yml"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (ports, hashes), *others = json.loads((tmp_path / "answer.json").read_text())
    assert (list(ports), list(hashes)) == (names, names)  # the machine is asked each time
    assert others == [{"ada": 8888, "grace": 8890}, ["ada", "grace"], ["ada", "grace"]]


class Machine(Host):
    """A machine whose sshd reads its new file."""

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Lay the file, which is the last argument."""
        assert stdin is None
        os.replace(f"{argv[-1]}.new", argv[-1])
        return subprocess.CompletedProcess(argv, 0, "", "")


def test_what_the_front_adds_when_there_is_another_way_in_stays_with_the_next_run(tmp_path: Path) -> None:
    text = (PROJECT / "roles/student/templates/sshd.conf.j2").read_text()
    template = jinja2.Environment(trim_blocks=True).from_string(text)  # noqa: S701 - no page
    told: dict[str, Any] = {"student_ssh_ports": [22], "student_group": "students", "student_ports": {"ada": 8888}}
    without, path = template.render(told, student_ssh_logins=False), tmp_path / "class.conf"
    path.write_text(only_kept(without, str(path), ["DenyGroups"]))
    assert path.read_text() == template.render(told, student_ssh_logins=True)
    ssh_service.refuse(Machine(SimpleNamespace(check_mode=False)), str(path), "students")
    assert path.read_text() == only_kept(without, str(path), ["DenyGroups"]) == without
