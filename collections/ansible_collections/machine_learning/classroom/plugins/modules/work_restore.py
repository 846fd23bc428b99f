#!/usr/bin/python
"""Documentation of the action work_restore."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_restore
short_description: Bring students' work from home to a machine
description:
  - Brings what was collected last, or what there was at an earlier time. Nothing in a student's folder is ever
    replaced.
  - Takes one remote execution if nobody needs anything. On the machine it runs
    M(machine_learning.classroom.work_unpack), as root.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.student_work.home
  - machine_learning.classroom.student_work.addresses
  - machine_learning.classroom.student_work.writer
  - machine_learning.classroom.student_work.machine
  - machine_learning.classroom.student_work.instance
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  students:
    description: The usernames of the students whose work is brought.
    type: list
    elements: str
    required: true
  at:
    description:
      - The time, or the commit, of the version to bring; V(now) for the newest. It is laid beside what is in the
        student's folder.
      - Without it, everybody whose folder on this machine has not yet got what home has gets that, once. It goes into
        the folder if that is empty, else beside what is there.
    type: str
    default: ""
attributes:
  check_mode:
    details: Says who would get what.
"""

EXAMPLES = r"""
- name: Bring the students' work back
  machine_learning.classroom.work_restore:
    students: [ada]
    class_name: ml101
    addresses: {ada: ada@example.com}
    home: daily_user
    source: /home/ubuntu/machine_learning_aws/daily_user
    store: /var/lib/machine_learning_aws
    at: "2026-03-02"
  become: true
"""

RETURN = r"""
restored:
  description: One dictionary per student who got something, or in check mode would.
  type: list
  elements: dict
  returned: when the machine could be asked
  contains:
    username:
      description: Whose work it is.
      type: str
      sample: ada
    commit:
      description: The version, a commit in the student's history.
      type: str
    where:
      description: Where it is on the machine; empty in check mode.
      type: str
msg:
  description: The outcome as text, a line for each student.
  type: str
  returned: always
"""
