"""A machine that does not answer holds the others' letters up for a while, and then gets its own: on this computer.

The plays of configure.yml after the class was looked up, with harmless roles but the real `mail`. Instead of ssh there
is a script that runs commands here, or waits in vain for a machine that is cut.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.harmless_roles import idle_roles
from tests.support.mail_server import MailServer
from tests.support.notebook_course import ME
from tools import PROJECT

PATIENCE_S = 4
ROLES = [
    *("system", "hours", "student", "work/restore", "conda", "data"),
    *("notebooks", "work/autosave", "jupyter", "front"),
]
JOB = """
- name: Look after a folder
  machine_learning.classroom.datasets:
    datasets: []
    directory: "{{{{ base }}}}/{name}/data"
    record: "{{{{ base }}}}/{name}.json"
    owner: "{{{{ owner }}}}"
"""
# A machine is cut while its file is there. What is run is the last argument.
SSH = """#!/bin/sh
for last; do :; done
case "$*" in *ml101-002*)
  if [ -e {base}/cut ]; then
    sleep 1
    echo "ssh: connect to host ml101-002 port 22: Connection timed out" >&2
    exit 255
  fi
  {trap}
esac
exec sh -c "$last"
"""
STUDENTS = {"ml101-001": "ada", "ml101-002": "blaise"}


class Class:
    """Two machines, which are this computer, and a mail server."""

    def __init__(self, base: Path) -> None:
        """Nothing is made yet."""
        self.base = base
        for folder in ("letters", "receipts"):
            (base / folder).mkdir()
        for role in ROLES:
            name, _, entry = role.partition("/")
            tasks = base / "roles" / name / "tasks"
            tasks.mkdir(parents=True, exist_ok=True)
            (tasks / f"{entry or 'main'}.yml").write_text(JOB.format(name=entry or name))
        idle_roles(base / "roles")
        (base / "roles" / "mail").symlink_to(PROJECT / "roles" / "mail")
        self.server = MailServer(base)
        self.cut = base / "cut"
        self.write_ssh()
        plays = f"""
- hosts: machines
  gather_facts: false
  strategy: host_pinned
  tasks:
    - ansible.builtin.import_tasks: {PROJECT}/playbooks/parts/make_ready.yml
- ansible.builtin.import_playbook: {PROJECT}/playbooks/parts/letters_and_late_machines.yml
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{{{ groups.machines | map('extract', hostvars, 'configure_outcome') | to_json }}}}"
        dest: "{{{{ base }}}}/outcomes"
        mode: "0600"
"""
        (base / "play.yml").write_text(plays)

    def write_ssh(self, trap: str = "") -> None:
        """Let the second machine's ssh run `trap` first, a line of shell."""
        (self.base / "ssh").write_text(SSH.format(base=self.base, trap=trap))
        (self.base / "ssh").chmod(0o700)

    def begin(self) -> subprocess.Popen[str]:
        """Begin to make the machines ready."""
        machines = {
            seat: {"ansible_host": seat, "aws_instance_id": f"i-{seat}", "aws_ec2_tags": {"Students": student}}
            for seat, student in STUDENTS.items()
        }
        groups = {"machines": {"hosts": machines}, "uncertified_machines": {}, "late_machines": {}}
        hosts = {"all": {"children": groups}}
        account = {"password": "never-to-be-printed", "token": "never-to-be-printed"}
        accounts = {name: {"name": name, "email": f"{name}@example.com", **account} for name in STUDENTS.values()}
        variables: dict[str, Any] = {
            "base": str(self.base),
            "owner": ME,
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
            "ansible_ssh_executable": str(self.base / "ssh"),
            "ansible_remote_tmp": str(self.base / "tmp"),
            "class_state_dir": str(self.base),
            **self.server.settings,
            "credentials_kept": {"accounts": accounts},
        }
        (self.base / "hosts.json").write_text(json.dumps(hosts))
        (self.base / "variables.json").write_text(json.dumps(variables))
        # What a task says of itself goes over them: a machine that is late gets its two minutes.
        (self.base / "group_vars").mkdir(exist_ok=True)
        own = "".join((PROJECT / "group_vars/all" / f"{name}.yml").read_text() for name in ("class", "project"))
        patience = re.sub(r"^project_patience_s: .*$", f"project_patience_s: {PATIENCE_S}", own, flags=re.MULTILINE)
        assert patience != own
        (self.base / "group_vars" / "all.yml").write_text(patience.replace("\n---\n", "\n"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return subprocess.Popen(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                f"--inventory={self.base / 'hosts.json'}",
                f"--extra-vars=@{self.base / 'variables.json'}",
                str(self.base / "play.yml"),
            ],
            cwd=PROJECT,
            env=environment | {"ANSIBLE_ROLES_PATH": str(self.base / "roles"), "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self, run: subprocess.Popen[str]) -> str:
        """Wait for the end of a run; return its screen."""
        said, _ = run.communicate(timeout=240)
        assert run.returncode == 0, said
        return said

    @property
    def outcomes(self) -> list[str]:
        """What became of the machines."""
        outcomes: list[str] = json.loads((self.base / "outcomes").read_text())
        return outcomes


@pytest.fixture
def klass(tmp_path: Path) -> Iterator[Class]:
    klass = Class(tmp_path)
    yield klass
    klass.server.close()


@pytest.mark.timeout(600)
def test_who_is_late_gets_a_second_chance_after_the_others_have_their_letters(klass: Class) -> None:
    klass.cut.touch()
    with klass.begin() as run:
        while not klass.server.letters:  # only then does the machine answer
            assert run.poll() is None, run.communicate()[0]
            time.sleep(0.1)
        assert klass.server.addresses == ["ada@example.com"]
        klass.cut.unlink()
        said = klass.end(run)
    assert klass.outcomes == ["ready", "ready"]
    assert klass.server.addresses == ["ada@example.com", "blaise@example.com"]
    assert "fatal: [ml101-002 (blaise)]: no answer over ssh: " in said
    assert said.count("PLAY [Tell ") == 2
    assert "PLAY [Give machines that did not answer more time]" in said
    assert "unreachable=0" in said

    with klass.begin() as run:  # nobody is late: nothing is said of it
        said = klass.end(run)
    assert klass.outcomes == ["ready", "ready"]
    assert said.count("PLAY [") == 3
    assert "PLAY [Give seats their names]" not in said  # nor of names, as there is no domain
    assert "more time" not in said
    assert "no hosts matched" not in said
    assert len(klass.server.letters) == 2


@pytest.mark.timeout(600)
def test_who_is_lost_in_the_middle_gets_a_second_chance_too(klass: Class) -> None:
    # The first connection asks, the second waits for the machine; the third, of the first role, is cut.
    count = f"echo >> {klass.base}/count; [ $(wc -l < {klass.base}/count) != 3 ] || exit 255"
    klass.write_ssh(count)
    with klass.begin() as run:
        said = klass.end(run)
    assert klass.outcomes == ["ready", "ready"]
    assert klass.server.addresses == ["ada@example.com", "blaise@example.com"]
    assert said.count("no answer over ssh") == 1
    assert "unreachable=0" in said
