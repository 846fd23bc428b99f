#!/usr/bin/python
"""Make an archive of each student's work at home, and keep in mind who has taken theirs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: handback
short_description: Make an archive of each student's work at home
description:
  - Writes one zip archive for each student, with an index, unless there is one of this very work already.
  - Runs on the control node and asks no machine.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.student_work.home
  - machine_learning.classroom.student_work.addresses
  - machine_learning.classroom.student_work.writer
  - machine_learning.classroom.attributes
options:
  folder:
    description: Where the archives go.
    type: path
    required: true
  taken:
    description: The usernames of students who have taken the archive that was made last. No archive is made then.
    type: list
    elements: str
    default: []
  make:
    description: Whether archives are made; else it is only said who has taken theirs.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Make an archive for every student
  machine_learning.classroom.handback:
    home: daily_user
    folder: "{{ class_state_dir }}/handback"
    class_name: ml101
    addresses: {ada: ada@example.com}
"""

RETURN = r"""
archives:
  description: One dictionary per student with work at home.
  type: list
  elements: dict
  returned: success
  contains:
    username:
      description: Whose work it is.
      type: str
    path:
      description: Where the archive is or would be.
      type: str
    files:
      description: How many files of work it holds.
      type: int
    bytes:
      description: How many bytes they take.
      type: int
    work:
      description: Tells this work from any other, before and after.
      type: str
    taken:
      description: The day on which the student took it; empty if not, or if the work is another since.
      type: str
    taken_earlier:
      description: Whether what the student took is older than the work at home.
      type: bool
    changed:
      description: Whether something was done, or in check mode would be.
      type: bool
    reason:
      description: Why there is no archive, or not of the newest work; empty if there is.
      type: str
table:
  description: The same for people.
  type: str
  returned: success
waiting:
  description: The usernames of students who have work at home and have not taken it along as it is now.
  type: list
  elements: str
  returned: success
troubled:
  description: The usernames of students whose archive could not be made.
  type: list
  elements: str
  returned: success
"""

import os
from contextlib import nullcontext

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.handback import (
    Archive,
    Handback,
    as_dicts,
    table,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome


class Students:
    """The students of the class who have work at home."""

    def __init__(self, module: AnsibleModule) -> None:
        """Find them."""
        given = module.params
        self.module, self.given = module, given
        self.handback = Handback(given["folder"], given["class_name"])
        self.homes = {}
        for username in sorted(given["addresses"]):
            owner = Owner(given["class_name"], given["addresses"][username].casefold())
            home = StudentHome(given["home"], username, owner, given["former_addresses"].get(username, []))
            if home.history.owner() is not None and os.path.isdir(home.path):
                self.homes[username] = home

    def archives(self) -> list[Archive]:
        """Make the archives, or only look at them."""
        return [self.archive(home) for home in self.homes.values()]

    def archive(self, home: StudentHome) -> Archive:
        """Make one archive, or only look; whatever goes wrong concerns this student only."""
        writes = self.given["make"] and not self.module.check_mode
        try:
            with home.locked(self.given["lock_wait_s"]) if writes else nullcontext():
                if self.given["make"]:
                    return self.handback.make(home, check_mode=self.module.check_mode)
                return self.handback.look(home)
        except WorkError as error:
            return Archive(home.username, reason=str(error))

    def take(self, taken: list[str]) -> list[Archive]:
        """Write down who has taken the archive; everybody or nobody."""
        if unknown := [username for username in taken if username not in self.homes]:
            raise WorkError(f"No work of {', '.join(unknown)} is at home. A student is named by username.")
        homes = [self.homes[username] for username in taken]
        archives = [self.handback.take(home, check_mode=True) for home in homes]
        if self.module.check_mode:
            return archives
        return [self.handback.take(home) for home in homes]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            "folder": {"type": "path", "required": True},
            "class_name": {"type": "str", "required": True},
            "addresses": {"type": "dict", "required": True},
            "former_addresses": {"type": "dict", "default": {}},
            "taken": {"type": "list", "elements": "str", "default": []},
            "make": {"type": "bool", "default": True},
            "lock_wait_s": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    try:
        students = Students(module)
        taken = module.params["taken"]
        archives = students.take(taken) if taken else students.archives()
    except WorkError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=(bool(taken) or module.params["make"]) and any(archive.changed for archive in archives),
        archives=as_dicts(archives),
        table=table(archives),
        waiting=[archive.username for archive in archives if not archive.taken],
        troubled=[archive.username for archive in archives if archive.reason],
    )


if __name__ == "__main__":
    main()
