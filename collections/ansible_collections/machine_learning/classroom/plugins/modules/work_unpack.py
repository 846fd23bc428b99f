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
      elsewhere:
        description: Whether the work went on on another machine, so that home has newer than what was left behind here.
        type: bool
        default: false
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
changes:
  description: What was laid where, in words.
  type: list
  elements: str
  returned: always
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.work_restore import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    # Without a log: not secret, but long, it would fill the machine's journal.
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True, no_log=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
