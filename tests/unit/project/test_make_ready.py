"""Only the roles run that a machine needs: the tasks of make_ready.yml with harmless roles, on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

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
  strategy: free
  tasks:
    - ansible.builtin.import_tasks: {PROJECT}/playbooks/parts/make_ready.yml
"""


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
