#!/usr/bin/python
"""Documentation of the action certificate_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_plan
short_description: Say how many certificates a class with names is about to order, before anything is launched
description:
  - Counts the names of machines that there are and of those that are to be launched. Warns of students who get none.
  - What was ordered is read from C(certificates.json) in the class's state.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  class_name:
    description: The class; a seat is called CLASS_NAME-NNN.
    type: str
    required: true
  domain:
    description: Below which names are given.
    type: str
    required: true
  usernames:
    description: Who needs a seat.
    type: list
    elements: str
    required: true
  instances:
    description: The machines of the class, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  students_per_machine:
    description: How many students share a machine.
    type: int
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
- name: Find out how many certificates that takes
  machine_learning.classroom.certificate_plan:
    class_name: ml101
    domain: class.example.org
    usernames: [ada, grace]
    instances: []
    students_per_machine: 1
    state_dir: "{{ class_state_dir }}"
  register: certificate_plan
"""

RETURN = r"""
said:
  description: What is to be said; empty where none is ordered, and where somebody gets none, for that is warned of.
  type: str
  returned: success
"""
