"""The role `notebooks` as users run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.notebook_course import FIRST, ME, MINE, ONE, TWO
from tools import PROJECT

PLAY = """
- hosts: all
  gather_facts: false
  connection: local
  module_defaults:
    machine_learning.classroom.notebooks: {store: "{{ store }}"}
  tasks:
    - ansible.builtin.include_role: {name: notebooks}
"""


def test_the_role_in_ansible_itself(tmp_path: Path) -> None:
    """The module in a process of its own, from its archive, with the merge in yet another; what a person then reads."""
    source, folder = tmp_path / "templates", tmp_path / "machine" / "daily_user" / ME
    source.mkdir()
    play, hosts = tmp_path / "play.yml", tmp_path / "hosts.yml"
    play.write_text(PLAY)
    hosts.write_text("all: {hosts: {machine-1: {}}}\n")
    variables = tmp_path / "variables.json"
    values = {
        "notebooks_students": [ME],
        "notebooks_source": str(source),
        "notebooks_directory": str(folder.parent),
        "notebooks_python": sys.executable,
        "notebooks_again": [],
        "store": str(tmp_path / "delivered"),
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
    }
    variables.write_text(json.dumps(values))

    def run(*arguments: str) -> str:
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, f"--inventory={hosts}", f"--extra-vars=@{variables}", *arguments, str(play)]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120).stdout

    (source / FIRST).write_text(ONE)
    run()
    (folder / FIRST).write_text(MINE)
    (source / FIRST).write_text(TWO)
    preview = run("--check", "--diff")
    assert "+One more question" in preview
    assert (folder / FIRST).read_text() == MINE
    done = run()
    assert f"{ME}: merged with the student's own work {FIRST}." in done
    assert "One more question" in (folder / FIRST).read_text()
    assert "rows = len(table)" in (folder / FIRST).read_text()
    assert "changed=0" in run()
