#!/usr/bin/python
"""Documentation of the action running_hours."""

from __future__ import annotations

DOCUMENTATION = r"""
module: running_hours
short_description: Remember which machines of a class run
description:
  - Adds what was seen to the ledger of the class, from which its cost so far is estimated. What is there is never
    changed. Without a folder of the class nothing is remembered.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  instances:
    description: All machines of the class, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  state_dir:
    description: The folder in which the class remembers.
    type: path
    required: true
  disk_gb:
    description: The size of each machine's disk, in GiB.
    type: int
    required: true
  max_hours:
    description: A machine stops itself so many hours after a start; 0 for never.
    type: int
    required: true
  timetable:
    description: The hours of the class, at whose end it stops itself, as C(class_timetable) has them. Empty for none.
    type: raw
    default: {}
attributes:
  check_mode:
    details: Nothing is remembered.
"""

EXAMPLES = r"""
- name: Remember which machines run
  machine_learning.classroom.running_hours:
    instances: "{{ machines.instances }}"
    state_dir: "{{ class_state_dir }}"
    disk_gb: 30
    max_hours: 12
"""

RETURN = r"""
machine_hours:
  description: For how many hours machines of the class ran so far, as far as they were seen.
  type: float
  returned: success
  sample: 412.5
"""
