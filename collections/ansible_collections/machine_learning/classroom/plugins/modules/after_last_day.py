#!/usr/bin/python
"""Documentation of the action after_last_day."""

from __future__ import annotations

DOCUMENTATION = r"""
module: after_last_day
short_description: Say what of a class still costs once its last day is over
description:
  - Counts the machines that there still are, and says what they cost in a month. Before the end of the last day it says
    nothing, and asks nobody.
  - Prices are those that are kept in O(state_dir), or that AWS says now. One that is not known is said to be so.
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
  timetable:
    description: The hours of the class, as C(class_timetable) has them. Empty for none.
    type: raw
    required: true
  region:
    description: The AWS region of the class.
    type: str
    required: true
  state_dir:
    description: The folder in which the class remembers.
    type: path
    required: true
  disk_gb:
    description: The size of each machine's disk, in GiB.
    type: int
    required: true
  price_per_hour:
    description: What an hour of a machine costs with its address, in USD; 0 to ask AWS.
    type: float
    default: 0
attributes:
  check_mode:
    details: What AWS says of prices is not kept.
"""

EXAMPLES = r"""
- name: Find out what still costs
  machine_learning.classroom.after_last_day:
    instances: "{{ machines.instances }}"
    timetable: "{{ class_timetable }}"
    region: us-east-1
    state_dir: "{{ class_state_dir }}"
    disk_gb: 30
  register: still
"""

RETURN = r"""
msg:
  description: A sentence for people; empty before the end of the last day, without machines, and without a timetable.
  type: str
  returned: success
"""
