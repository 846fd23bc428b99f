"""A machine is asked which roles it needs, with what their own tasks say: ansible-playbook itself, on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.ask import JOBS

from tests.support.asked_machine import Machine
from tests.support.data_files import CSV, Source, sha256
from tests.support.notebook_course import FIRST, ME, ONE, TWO
from tools import PROJECT

SECRET = "never-to-be-printed"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def source() -> Iterator[Source]:
    server = Source()
    yield server
    server.close()


def asking(roles: list[str], more: str = "") -> str:
    """Return a play that asks, and imports what it asks about without running it."""
    imports = "".join(
        f"\n    - ansible.builtin.import_role: {{name: {name}{f', tasks_from: {entry}' if entry else ''}}}\n"
        "      when: false"
        for name, _, entry in (role.partition("/") for role in roles)
    )
    return f"""
- hosts: machine-1
  gather_facts: false
  {more or "connection: local"}
  module_defaults:
    machine_learning.classroom.datasets: {{record: "{{{{ base }}}}/data.json", owner: "{{{{ owner }}}}"}}
    machine_learning.classroom.notebooks: {{store: "{{{{ base }}}}/delivered", owner: "{{{{ owner }}}}"}}
  tasks:
    - machine_learning.classroom.roles_needed: {{roles: {roles}}}
      register: roles_needed
{imports}
"""


@pytest.mark.timeout(300)
def test_a_machine_that_does_not_answer_needs_everything(machine: Machine) -> None:
    machine.variables |= {"ansible_host": "127.0.0.1", "ansible_port": 9, "data_datasets": [], "data_directory": "/x"}
    machine.variables["class_mirror_url"] = ""
    known = machine.run(asking(["data"], "connection: ssh"))
    assert known["roles_needed"]["reasons"] == {"data": ["the machine gave no answer"]}


@pytest.mark.timeout(600)
def test_the_real_roles_are_asked_what_their_own_tasks_would_do(machine: Machine, source: Source) -> None:
    """Those that can run here: with their arguments, their defaults, their lookups and their actions' part."""
    source.files["/iris.csv"] = CSV
    work, templates = machine.base / "machine" / "daily_user", machine.base / "templates"
    templates.mkdir()
    (templates / FIRST).write_text(ONE)
    iris = {"name": "iris", "url": f"{source.url}/iris.csv", "sha256": sha256(CSV)}
    machine.variables |= {
        "project_dir": str(PROJECT),
        "project_machine_dir": str(machine.base / "machine"),
        "machine_usernames": [ME],
        "class_name": "ml101",
        "class_mirror_url": "",
        "project_former_addresses": {},
        "project_access": ["ssh"],
        "class_notebooks_again": [],
        "class_datasets_file": "data/datasets.yml",
        "notebooks_source": str(templates),
        "notebooks_python": sys.executable,
        "data_datasets": [iris],
        "work_store": str(machine.base / "store"),
        "work_home": str(machine.base / "home"),
        "work_addresses": {ME: "ada@example.com"},
    }
    asked = ["work/restore", "data", "notebooks"]
    ask = asking(asked)
    known = machine.run(ask)
    assert known["roles_needed"]["roles"] == asked
    assert known["roles_needed"]["reasons"]["data"][-1] == f"placed iris as {machine.base}/machine/data/iris.csv"
    assert not (machine.base / "machine").exists()

    do = ask.replace("when: false", "when: roles_needed.roles | length > 0")
    machine.run(do)
    assert (work / ME / FIRST).read_text() == ONE
    assert machine.run(do)["roles_needed"]["roles"] == []

    for mend, role, why in (
        (lambda: (templates / FIRST).write_text(TWO), "notebooks", FIRST),
        (lambda: (machine.base / "machine/data/iris.csv").unlink(), "data", "placed iris"),
        (lambda: (machine.base / "store/restored" / f"{ME}.json").unlink(), "work/restore", ME),
        (lambda: (machine.base / "home" / f".incoming-{ME}").mkdir(parents=True), "work/restore", "at home"),
        (lambda: (work / f".restoring-{ME}").mkdir(), "work/restore", "killed"),
    ):
        mend()
        known = machine.run(do)
        assert known["roles_needed"]["roles"] == [role]
        assert why in known["roles_needed"]["reasons"][role][0]
    machine.variables["work_restore_at"] = "now"
    assert machine.run(ask)["roles_needed"]["reasons"] == {"work/restore": ["earlier work is asked for"]}


@pytest.mark.timeout(300)
def test_no_secret_is_in_an_answer_however_much_is_said(machine: Machine) -> None:
    """Jobs that cannot run here, but can be asked: all that they would change, and why they cannot."""
    student = {"username": "ada99", "port": 8888, "token": SECRET, "password_hash": f"$6${SECRET}"}
    machine.variables |= {
        "machine_seated": [student],
        "machine_students": [student],
        "machine_usernames": ["ada99"],
        "class_name": "ml101",
        "class_ssh_ports": [22],
        "class_collect_max_file_mb": 1024,
        "project_access": ["ssh"],
        "project_addresses": {},
        "project_former_addresses": {},
        "project_work_home": str(machine.base / "home"),
        "project_machine_dir": str(machine.base / "machine"),
    }
    (machine.base / "machine").mkdir()
    known = machine.run(asking(["student", "work/autosave", "jupyter"]), "-vvv")
    assert known["roles_needed"]["roles"] == ["student", "work/autosave", "jupyter"]
    assert "roles_needed" in machine.said
    assert "read" not in str(known["roles_needed"]["reasons"])  # or nothing was asked
    answered = machine.said + json.dumps(known["roles_needed"])
    assert SECRET not in answered.replace(json.dumps(machine.variables), "")


def test_every_job_can_be_asked() -> None:
    folder = PROJECT / "collections/ansible_collections/machine_learning/classroom/plugins/module_utils/jobs"
    # What makes an image of a machine runs once, at its end: nobody asks for it.
    assert set(JOBS) == {path.stem for path in folder.glob("*.py")} - {"ask", "image_preparation"}
