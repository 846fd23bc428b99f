"""Only the roles run that a machine needs: the tasks of make_ready.yml with harmless roles, on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import addressees
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.readiness import readiness

from tests.support.asked_machine import Machine
from tests.support.harmless_roles import harmless_roles
from tests.support.notebook_course import ME
from tools import PROJECT

ROLES = [
    *("system", "hours", "student", "work/restore", "conda", "data"),
    *("notebooks", "work/autosave", "jupyter", "front"),
]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """Return a folder with a harmless role in the place of each that makes a machine ready."""
    return harmless_roles(tmp_path / "roles", ROLES)


# As configure.yml does it; replace.yml includes the same.
MAKE_READY = f"""
- hosts: machine-1
  gather_facts: false
  connection: local
  strategy: host_pinned
  tasks:
    - ansible.builtin.import_tasks: {PROJECT}/playbooks/parts/make_ready.yml
"""


# As start.yml does it.
OPEN_ACCESS = MAKE_READY.replace("import_tasks", "include_tasks").replace("make_ready", "open_access")
# As link.yml does it.
RENEW_ACCESS = OPEN_ACCESS.replace("open_access", "renew_access")
# In the place of ssh. What is run is the last argument.
CUT_AFTER_JUPYTER = """#!/bin/sh
grep -q jupyter {ran} && exit 255
for last; do :; done
exec sh -c "$last"
"""
# The real role finds out that this is no secret before it does anything.
NO_SECRET = "ada has no link with a secret of 22 letters and digits or more."
ADA = {"inventory_hostname": "machine-1", "machine_slots": ["ada"], "aws_ec2_tags": {"Students": "ada"}}


@pytest.fixture
def failing_front(machine: Machine, roles: Path) -> Path:
    """Return the folder with the real role `front`, which fails."""
    shutil.rmtree(roles / "front")
    (roles / "front").symlink_to(PROJECT / "roles" / "front")
    machine.variables |= {
        "ansible_host": "192.0.2.1",
        "machine_students": [{"username": "ada", "port": 8888, "token": "t" * 32}],
        "front_hosts": {"ada": "192.0.2.1"},
        "front_link_secrets": {"ada": "short"},
        "project_https": True,
        "project_language": "en",
        "project_pages_origin": "",
        "class_mirror_url": "",
        "class_ssh_ports": [22],
    }
    return roles


@pytest.mark.timeout(600)
def test_only_what_is_needed_runs_and_a_machine_that_needs_nothing_is_ready(machine: Machine, roles: Path) -> None:
    everything = [role.rpartition("/")[2] for role in ROLES]
    known = machine.run(MAKE_READY, roles=roles)
    assert known["roles_needed"]["roles"] == ROLES
    assert (machine.ran, known["configure_outcome"]) == (everything, "ready")

    known = machine.run(MAKE_READY, roles=roles)
    assert (known["roles_needed"]["roles"], known["roles_needed"]["reasons"]) == ([], {})
    assert (machine.ran, known["configure_outcome"]) == ([], "ready")

    known = machine.run(MAKE_READY.replace("import_tasks", "include_tasks"), roles=roles)
    assert known["roles_needed"]["roles"] == []
    assert (machine.ran, known["configure_outcome"]) == ([], "ready")

    (machine.base / "jupyter" / "data").rmdir()
    (machine.base / "conda" / "data").chmod(0o700)
    known = machine.run(MAKE_READY, "--check", roles=roles)
    assert known["roles_needed"]["roles"] == ["conda", "jupyter"]
    assert machine.said.count("changed: [machine-1]") == 2
    known = machine.run(MAKE_READY, roles=roles)
    assert known["roles_needed"]["reasons"] == {
        "conda": [f"set {machine.base}/conda/data to {ME}:{ME} 0755"],
        "jupyter": [f"made {machine.base}/jupyter/data"],
    }
    assert (machine.ran, known["configure_outcome"]) == (["conda", "jupyter"], "ready")
    assert machine.begun == machine.ran  # the screen named each task before it ran, not afterwards

    machine.variables["project_configure_force"] = "true"
    known = machine.run(MAKE_READY, roles=roles)
    assert machine.ran == everything
    assert machine.said.count("changed: [machine-1]") == len(machine.ran)  # the tasks that say so, and no job


@pytest.mark.timeout(300)
def test_trouble_with_asking_means_needed_and_is_the_roles_to_tell(machine: Machine, roles: Path) -> None:
    machine.run(MAKE_READY, roles=roles)
    (machine.base / "conda.json").mkdir()  # an exception of the job
    (machine.base / "notebooks" / "data").rmdir()
    (machine.base / "notebooks" / "data").write_text("")  # the job fails, in words
    (roles / "data" / "tasks" / "main.yml").write_text("- name: No job\n  ansible.builtin.debug:\n")
    known = machine.run(MAKE_READY, roles=roles)
    assert known["roles_needed"]["roles"] == ["conda", "data", "notebooks"]
    why = known["roles_needed"]["reasons"]
    assert why["conda"] == [f"IsADirectoryError: [Errno 21] Is a directory: '{machine.base}/conda.json'"]
    assert why["data"] == ["its task could not be read (ValueError)"]
    assert why["notebooks"][0].startswith(f"{machine.base}/notebooks/data is in the way")
    assert known["configure_outcome"] != "ready"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("play", [MAKE_READY, OPEN_ACCESS])
def test_a_front_that_fails_keeps_nobody_out_who_has_ssh_and_is_said_at_the_end_and_in_the_letter(
    machine: Machine, failing_front: Path, play: str
) -> None:
    machine.variables["project_access"] = ["https", "ssh"]
    known: dict[str, Any] = machine.run(play, roles=failing_front) | ADA
    assert known["configure_outcome"] == "ready"
    report = readiness([known], ["ada"])
    assert report["waiting"] == []
    assert report["table"].startswith("machine-1  ada  ready over ssh, but links open nothing: ada has no link with a")
    (refusal,) = report["refusals"]
    first, why, *_, command = refusal.splitlines()
    assert first == "Links to machine-1 open nothing yet, for https could not be set up there."
    assert why.startswith(f"machine-1: {NO_SECRET}")
    assert command == "ansible-playbook configure.yml"
    (letter,) = addressees([known], {"ada": {}})
    assert NO_SECRET in letter["https_trouble"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("play", "access"), [(MAKE_READY, ["https"]), (RENEW_ACCESS, ["https", "ssh"])])
def test_it_is_a_failure_where_a_link_is_the_only_way_in_or_the_one_before_still_opens_all(
    machine: Machine, failing_front: Path, play: str, access: list[str]
) -> None:
    machine.variables["project_access"] = access
    known = machine.run(play, roles=failing_front)
    task, _, why = known["configure_outcome"].partition(": ")
    assert task.startswith("Let browsers in over https")
    assert why.startswith(NO_SECRET)


@pytest.mark.timeout(300)
def test_a_machine_that_falls_silent_before_its_front_is_late_and_not_ready(
    machine: Machine, failing_front: Path
) -> None:
    ssh = machine.base / "ssh"
    ssh.write_text(CUT_AFTER_JUPYTER.format(ran=machine.base / "ran"))
    ssh.chmod(0o700)
    machine.variables |= {"project_access": ["https", "ssh"], "ansible_ssh_executable": str(ssh)}
    known = machine.run(MAKE_READY.replace("local", "ssh"), roles=failing_front)
    assert "no answer over ssh" in known["configure_outcome"]
    assert known["group_names"] == ["late_machines"]
