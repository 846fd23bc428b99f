"""What is renewed comes to a machine: the tasks of renew_access.yml with harmless roles, on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.asked_machine import Machine
from tests.support.harmless_roles import harmless_roles
from tools import PROJECT

# As link.yml does it.
RENEW = f"""
- hosts: machine-1
  gather_facts: false
  connection: local
  strategy: host_pinned
  tasks:
    - ansible.builtin.include_tasks: {PROJECT}/playbooks/parts/renew_access.yml
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    """Return a folder with a harmless role in the place of each that lets students in."""
    return harmless_roles(tmp_path / "roles", ["student", "front", "jupyter"])


@pytest.mark.timeout(600)
def test_only_what_is_needed_runs_and_a_leak_is_closed_before_jupyter_is_waited_for(
    machine: Machine, roles: Path
) -> None:
    known = machine.run(RENEW, roles=roles)
    assert (machine.ran, known["configure_outcome"]) == (["student", "front", "jupyter"], "ready")
    known = machine.run(RENEW, roles=roles)
    assert (machine.ran, known["configure_outcome"]) == ([], "ready")
    (machine.base / "front" / "data").rmdir()
    (machine.base / "jupyter" / "data").rmdir()
    (machine.base / "jupyter" / "data").write_text("")  # its job fails, in words
    known = machine.run(RENEW, roles=roles)
    assert machine.ran == ["front"]
    assert known["configure_outcome"].startswith("Look after a folder: ")
    assert "is in the way" in known["configure_outcome"]
