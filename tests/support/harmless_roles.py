"""Roles that stand in the place of those of machines, and harm nobody on whose computer a test runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ON_EVERY_MACHINE = PROJECT / "playbooks" / "parts" / "on_every_machine.yml"
# Stand for the file of a role: a job that looks after one folder, where its defaults say, and a task that is none.
DEFAULTS = '{name}_folder: "{{{{ base }}}}/{name}/data"\n'
JOB = """
- name: Look after a folder
  machine_learning.classroom.datasets:
    datasets: []
    directory: "{{{{ {name}_folder }}}}"
    record: "{{{{ base }}}}/{name}.json"
    owner: "{{{{ owner }}}}"
"""
RAN = """
- name: Say that it ran
  ansible.builtin.shell: |
    echo {name} >> "{{{{ base }}}}/ran"
    grep -q "{role} : Say that it ran" "{{{{ base }}}}/log" && echo {name} >> "{{{{ base }}}}/begun" || true
"""


def harmless_roles(folder: Path, roles: Iterable[str]) -> Path:
    """Lay a role into `folder` for each of `roles`, with the entry that it names, and idle ones; return the folder."""
    for role in roles:
        name, _, entry = role.partition("/")
        for file, content in ((f"tasks/{entry or 'main'}.yml", JOB + RAN), ("defaults/main.yml", DEFAULTS)):
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name / file).open("a") as out:
                out.write(content.format(name=entry or name, role=name))
    idle_roles(folder)
    return folder


def idle_roles(folder: Path) -> None:
    """Lay a role that does nothing into `folder` for each that every machine gets without being asked."""
    for task in yaml.safe_load(ON_EVERY_MACHINE.read_text()):
        if role := task.get("ansible.builtin.import_role"):
            tasks = folder / role["name"] / "tasks" / f"{role.get('tasks_from', 'main')}.yml"
            tasks.parent.mkdir(parents=True, exist_ok=True)
            tasks.touch()
