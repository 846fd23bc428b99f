#!/usr/bin/python
"""Documentation of the action class_status."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_status
short_description: Say how a class is, trouble first, and write the same as a page
description:
  - What was seen of a machine is read from its variable C(jupyter_answers), for each in the inventory's group
    C(machines). It is what M(machine_learning.classroom.jupyter_services_info) returned, or why it did not.
  - Each trouble is named with whose it is and the command that mends it. A table with a line for each student and each
    spare machine comes after.
  - The page C(status.html) in O(state_dir) is one file, which only its owner may read. It has no password, no token and
    no link. It is replaced in one step. Where O(state_dir) is not there, nothing is written.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.student_work.home
  - machine_learning.classroom.student_work.addresses
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  instances:
    description: The machines of the class, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  students:
    description: The students of the roster, as RV(machine_learning.classroom.roster_info#module:students).
    type: list
    elements: dict
    required: true
  accounts:
    description: What each student logs in with, as RV(machine_learning.classroom.credentials#module:accounts).
    type: dict
    required: true
  hosts:
    description: What each student's browser calls the machine, by username, where students get in over https.
    type: dict
    default: {}
  state_dir:
    description: The folder with the letters and their receipts.
    type: path
    required: true
  max_hours:
    description: After how many hours a machine stops itself; V(0) for never.
    type: int
    required: true
  region:
    description: The region of the class, whose prices hold.
    type: str
    required: true
  price_per_hour:
    description:
      - What an hour of a machine costs with its address, in USD; V(0) to take AWS's prices, as other commands asked
        for them and kept them in O(state_dir). While a price is not known, no cost is shown.
    type: float
    default: 0
  timetable:
    description: The hours of the class, at whose end a machine stops itself, too. Empty for none.
    type: dict
    default: {}
  sends_letters:
    description: Whether the class sends its letters by mail, so that one which was not sent is trouble.
    type: bool
    required: true
  write_page:
    description: Whether to write the page.
    type: bool
    default: true
attributes:
  check_mode:
    details: The page is not written.
"""

EXAMPLES = r"""
- name: See how the class is
  machine_learning.classroom.class_status:
    instances: "{{ machines.instances }}"
    students: "{{ roster.students }}"
    accounts: "{{ kept.accounts }}"
    addresses: {ada: ada@example.com}
    class_name: ml101
    state_dir: "{{ class_state_dir }}"
    home: daily_user
    max_hours: 12
    region: us-east-1
    sends_letters: true
  register: status
"""

RETURN = r"""
msg:
  description: Trouble, the table and totals, for people.
  type: str
  returned: success
page:
  description: The file that was written; empty if none was.
  type: str
  returned: success
"""
