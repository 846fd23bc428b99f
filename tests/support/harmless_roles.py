"""Roles that stand in the place of those of machines, and harm nobody on whose computer a test runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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
    """Lay a role into `folder` for each of `roles`, with the entry that it names; return the folder."""
    for role in roles:
        name, _, entry = role.partition("/")
        for file, content in ((f"tasks/{entry or 'main'}.yml", JOB + RAN), ("defaults/main.yml", DEFAULTS)):
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name / file).open("a") as out:
                out.write(content.format(name=entry or name, role=name))
    return folder
