#!/usr/bin/python
"""Documentation of the action student_hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: student_hosts
short_description: Find what each student's browser calls the machine
description:
  - Its address, or with a domain the name of the student's seat. Names are certified, and an authority issues a limited
    number of certificates a week for a domain. Whose name has none and gets none is without a name for now.
  - What was ordered is read from C(certificates.json) in the class's state.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  machines:
    description: The machines that run.
    type: list
    elements: dict
    required: true
    suboptions:
      instance_id:
        description: The instance's id.
        type: str
        required: true
      seat:
        description: The machine's name.
        type: str
        required: true
      address:
        description: Its public address.
        type: str
        required: true
      students:
        description: Its tag C(Students).
        type: str
        required: true
  domain:
    description: Below which names are given; empty for none.
    type: str
    required: true
  several:
    description: Whether students share machines, so that an address alone cannot keep them apart.
    type: bool
    required: true
  state_dir:
    description: The class's state.
    type: path
    required: true
attributes:
  check_mode:
    details: It only looks.
"""

EXAMPLES = r"""
- name: Find what each student's browser calls the machine
  machine_learning.classroom.student_hosts:
    machines: [{instance_id: i-0abc, seat: ml101-001, address: 192.0.2.1, students: ada}]
    domain: class.example.org
    several: false
    state_dir: "{{ class_state_dir }}"
  register: student_hosts
"""

RETURN = r"""
hosts:
  description: The host of each student, by username; empty for one who has ssh alone.
  type: dict
  returned: success
  sample: {ada: ml101-001.class.example.org}
said:
  description: How many certificates are to be ordered, and who is without a name for now; empty where none is due.
  type: str
  returned: success
"""
