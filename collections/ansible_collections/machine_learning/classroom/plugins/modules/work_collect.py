#!/usr/bin/python
"""Documentation of the action work_collect."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_collect
short_description: Bring the work of a machine's students home
description:
  - Brings what is new in the students' folders home, verifies it by checksum and puts it into their histories.
  - What the machine saved itself comes along. If it does not come, that is said, but makes nobody's work unsafe.
  - Shows what is new or not safe.
  - Fails if the machine could not be asked at all, and then names every student as not verified.
  - Takes one remote execution, unless more than a small pack has to travel; then one transfer more for each student
    concerned, and a removal. On the machine it runs M(machine_learning.classroom.work_pack), as root.
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
    description: The usernames of the students whose work comes home.
    type: list
    elements: str
    required: true
  homes:
    description: The folder on the machine that holds the students' homes.
    type: path
    required: true
  largest_mb:
    description: Files larger than this are left on the machine and named.
    type: int
    default: 1024
  autosave_store:
    description: The folder on the machine with what it saved itself. Empty if it saves nothing.
    type: str
    default: ""
  autosave_max_mb:
    description: What the machine saved of one student's folder stays there if it takes more than this.
    type: int
    default: 2048
  reach_wait_s:
    description: How many seconds to wait for the machine, which may just be starting.
    type: int
    default: 60
  fail_unverified:
    description: Fail, too, because of work that is not verified.
    type: bool
    default: true
attributes:
  check_mode:
    details: Compares, but brings nothing home.
"""

EXAMPLES = r"""
- name: Bring the students' work home
  machine_learning.classroom.work_collect:
    students: [ada, grace]
    class_name: ml101
    addresses: {ada: ada@example.com, grace: grace@example.com}
    home: daily_user
    homes: /home
    source: /home/ubuntu/machine_learning_aws/daily_user
    store: /var/lib/machine_learning_aws
  become: true
  register: work_collected
"""

RETURN = r"""
work:
  description: The outcome for each student.
  type: list
  elements: dict
  returned: always
  contains:
    username:
      description: Whose work it is.
      type: str
      sample: ada
    verified:
      description: Whether all that the folder on the machine held is at home, by checksum.
      type: bool
    would_verify:
      description: In check mode, whether nothing stands in the way of bringing it home.
      type: bool
    missing:
      description: Whether there is no such folder on the machine, so nothing to bring home; home was left as it is.
      type: bool
    files:
      description: How many files the folder on the machine holds.
      type: int
    bytes:
      description: How many bytes they take.
      type: int
    new:
      description: How many files are new at home.
      type: int
    changed:
      description: How many files changed at home.
      type: int
    removed:
      description: How many files were removed at home. The history keeps them.
      type: int
    adjusted:
      description: How many folders are new, and of how many files only the time or the mode was.
      type: int
    version:
      description: The commit that this collect made in the history; empty if the newest one has it all.
      type: str
    autosaved:
      description: How many versions came along that the machine had saved itself.
      type: int
    autosave_reason:
      description: Why they did not come; empty if they did.
      type: str
    note:
      description: What else the instructor should know.
      type: str
    broken:
      description: Notebooks that do not parse. They are at home.
      type: list
      elements: str
    unstable:
      description: Files that were being written all the time. They are not at home, or only as they were earlier.
      type: list
      elements: str
    left:
      description:
        - Files that could not be collected, each with the reason. They are not at home, or only as they were earlier.
      type: list
      elements: str
    outside:
      description: Files in the student's home outside the folder. They are not collected.
      type: list
      elements: str
    skipped_special:
      description: Pipes, sockets and devices, which hold no work.
      type: list
      elements: str
    reason:
      description: Why the work is not verified; empty if it is.
      type: str
changes:
  description: What changed of the work at home, or in check mode would, a line for each student concerned.
  type: list
  elements: str
  returned: always
  sample: ["ada: 2 new, 1 changed"]
msg:
  description: The outcome as text.
  type: str
  returned: always
"""
