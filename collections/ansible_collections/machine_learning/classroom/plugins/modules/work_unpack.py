#!/usr/bin/python
"""Lay students' work that came from home into their folders on this machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_unpack
short_description: Lay students' work that came from home into their folders on this machine
description:
  - Runs on the machine as root; called by the action C(machine_learning.classroom.work_restore), first to ask who needs
    what, then with the packs. Nothing in a student's folder is ever replaced.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.student_work.machine
  - machine_learning.classroom.attributes
options:
  beside:
    description: Lay the work into a new folder in the student's own, also if that is empty.
    type: bool
    default: false
  students:
    description: The students whose work home has or could have.
    type: list
    elements: dict
    required: true
    suboptions:
      username:
        description: The name of the student's folder.
        type: str
        required: true
      name:
        description: The folder to make in the student's own. Empty if home has nothing.
        type: str
        default: ""
      manifest:
        description: What the pack holds, as C(module_utils/work/manifest.py) packs it. Empty to ask.
        type: str
        default: ""
      pack:
        description: Where the pack is on this machine.
        type: path
        default: ""
attributes:
  check_mode:
    details: Says who needs what.
"""

EXAMPLES = r"""
- name: Ask whether ada needs her work
  machine_learning.classroom.work_unpack:
    source: /home/ubuntu/machine_learning_aws/daily_user
    store: /var/lib/machine_learning_aws
    students:
      - username: ada
        name: restored-2026-03-02T14-30-00Z
"""

RETURN = r"""
students:
  description: One dictionary per student.
  type: list
  elements: dict
  returned: always
  contains:
    username:
      description: Whose work it is.
      type: str
    wants:
      description: Whether the work should be sent.
      type: bool
    where:
      description: Where it was laid, or empty.
      type: str
    reason:
      description: Why it was not laid, or empty.
      type: str
free:
  description: How many bytes the disk of O(source) has free.
  type: int
  returned: always
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.restorer import (
    RestoreError,
    StudentFolder,
)


def answer(folder: StudentFolder, student: dict[str, Any], *, beside: bool, check_mode: bool) -> dict[str, Any]:
    """Ask or lay for one student; whatever goes wrong concerns this one only."""
    told = {"username": student["username"], "wants": False, "where": "", "reason": ""}
    if not check_mode:
        folder.tidy()
    if beside:
        wants = not folder.has(student["name"])
    else:
        wants = not folder.settled()
        if wants and not student["name"] and not check_mode:
            folder.settle()
    if not wants or not student["name"]:
        return told
    if not student["manifest"]:
        return told | {"wants": True}
    try:
        manifest = Manifest.unpacked(student["manifest"])
        where = folder.lay(manifest, student["pack"], student["name"], beside=beside)
        if not beside:
            folder.settle()
    except (RestoreError, ValueError) as error:
        return told | {"reason": str(error)}
    return told | {"where": where}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "store": {"type": "path", "required": True},
            "beside": {"type": "bool", "default": False},
            "students": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "username": {"type": "str", "required": True},
                    "name": {"type": "str", "default": ""},
                    "manifest": {"type": "str", "default": "", "no_log": False},
                    "pack": {"type": "path", "default": ""},
                },
            },
        },
        supports_check_mode=True,
        no_log=True,  # not secret, but long: it would fill the machine's journal
    )
    given = module.params
    answers = [
        answer(
            StudentFolder(given["source"], student["username"], given["store"]),
            student,
            beside=given["beside"],
            check_mode=module.check_mode,
        )
        for student in given["students"]
    ]
    disk = os.statvfs(given["source"]) if os.path.isdir(given["source"]) else None
    free = disk.f_bavail * disk.f_frsize if disk else 0
    module.exit_json(changed=any(told["where"] for told in answers), students=answers, free=free)


if __name__ == "__main__":
    main()
