"""What is known of the work on a machine before it goes, and who is kept from it: collect_and_lock_out.yml itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.asked_machine import Machine
from tests.support.instances import work
from tools import PROJECT

# Of roles that touch no account and no work.
COLLECT = """
- ansible.builtin.assert: {that: not cut}
- ansible.builtin.shell: echo collect >> "{{ base }}/ran"
- ansible.builtin.set_fact:
    work_collected: {work: "{{ found_there }}"}
"""
LOCK_OUT = """
- ansible.builtin.shell: echo {{ student_lock_out | join('+') }} >> "{{ base }}/ran"
"""


def release(*, cut: bool = False) -> str:
    """Return a play that brings home what is on the machine, which may be `cut` off."""
    return f"""
- hosts: machine-1
  gather_facts: false
  connection: local
  strategy: host_pinned
  ignore_unreachable: true
  vars: {{cut: {cut}}}
  tasks:
    - ansible.builtin.include_tasks: {PROJECT}/playbooks/parts/collect_and_lock_out.yml
"""


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """Return the folder of the roles."""
    for role, tasks in (("work/tasks/collect", COLLECT), ("student/tasks/lock_out", LOCK_OUT)):
        file = tmp_path / f"roles/{role}.yml"
        file.parent.mkdir(parents=True)
        file.write_text(f"---\n{tasks}\n")
    return tmp_path / "roles"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine of ada's and grace's, where a file of ada's is too large."""
    made = Machine(tmp_path)
    made.variables |= {
        "aws_instance_id": "i-1",
        "found_there": [work("ada", "big.bin is larger than 1024 MiB"), work("grace")],
        "machine_slots": ["ada", "grace", "-"],
        "release_students": ["ada", "grace"],
        "class_abandon_work": [],
        "class_snapshot_work": [],
    }
    return made


@pytest.mark.timeout(300)
def test_a_machine_that_falls_silent_is_not_known_by_what_a_playbook_before_brought_home(
    machine: Machine, roles: Path
) -> None:
    """As with `ansible-playbook stop.yml start.yml teardown.yml`: the student worked on."""
    found = machine.variables["found_there"]
    assert machine.run(release(), roles=roles)["work_brought_home"] == {"i-1": found}
    assert machine.run(release() + release(cut=True), roles=roles)["work_brought_home"] == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("given", "ran"),
    [
        ({}, ["collect"]),
        ({"class_abandon_work": ["ada"]}, ["collect", "ada+grace", "collect"]),
        # What grace writes would else be on a disk of which nobody knows that it has work of hers.
        ({"class_snapshot_work": ["ada"]}, ["collect", "ada+grace", "collect"]),
        # The disk stays, with grace, so no snapshot of it is made, and ada keeps her seat.
        ({"class_snapshot_work": ["ada"], "release_students": ["ada"]}, ["collect"]),
    ],
)
def test_nobody_writes_after_the_last_copy_on_a_machine_that_goes(
    machine: Machine, roles: Path, given: dict[str, Any], ran: list[str]
) -> None:
    machine.variables |= given
    known = machine.run(release(), roles=roles)
    assert machine.ran == ran
    assert known["work_brought_home"] == {"i-1": machine.variables["found_there"]}
