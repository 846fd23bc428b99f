#!/usr/bin/python
"""Documentation of the action class_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_plan
short_description: Tell what is about to be launched and started, and what that costs
description:
  - Asks AWS's price list for what is not known from the last seven days. A price that AWS does not say is unknown, and
    is never made up.
  - Refuses what is above the budget. With nothing to launch or start it does nothing, unless told to show all.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  class_name:
    description: The class.
    type: str
    required: true
  region:
    description: The region in which it lives.
    type: str
    required: true
  state_dir:
    description: The folder in which it remembers, with prices and the ledger of running hours.
    type: path
    required: true
  usernames:
    description: The students of the roster.
    type: list
    elements: str
    required: true
  waiting:
    description: Those of them who get a seat.
    type: list
    elements: str
    required: true
  left:
    description: Those who have a seat, but are not in the roster.
    type: list
    elements: str
    required: true
  instances:
    description: The machines that there are, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  starting:
    description: The ids of those that are to be started.
    type: list
    elements: str
    required: true
  launch:
    description: How many are to be launched.
    type: int
    required: true
  instance_types:
    description: The instance types for these, in the order of preference.
    type: list
    elements: str
    required: true
  disk_gb:
    description: The size of each machine's disk, in GiB.
    type: int
    required: true
  max_hours:
    description: A machine stops itself so many hours after a start; 0 for never.
    type: int
    required: true
  price_per_hour:
    description: What an hour of a machine with its address costs, in USD; empty to ask AWS.
    type: str
    required: true
  budget:
    description: How much the class may cost in all, in USD; 0 for no limit.
    type: str
    required: true
  checked:
    description: What M(machine_learning.classroom.launch_check) found.
    type: dict
    required: true
  timetable:
    description:
      - The hours of the class and its last day, as C(class_timetable) has them. What is left of the term is then held
        against the budget. Empty where that is not known. Then the next class day counts, and a month of disks.
    type: raw
    default: {}
  in_full:
    description: Show all of it, also where nothing is to be launched or started.
    type: bool
    default: false
attributes:
  check_mode:
    details: It only asks. Outside of check mode the prices are kept.
"""

EXAMPLES = r"""
- name: Find out what it costs
  machine_learning.classroom.class_plan:
    class_name: ml101
    region: us-east-1
    state_dir: "{{ class_state_dir }}"
    usernames: [ada, grace]
    waiting: [ada, grace]
    left: []
    instances: []
    starting: []
    launch: 2
    instance_types: [m6a.large]
    disk_gb: 30
    max_hours: 12
    price_per_hour: ""
    budget: "500"
    checked: "{{ checked }}"
"""

RETURN = r"""
text:
  description: What is to be said; empty where nothing is to be launched or started.
  type: str
  returned: success
  sample: "2 m6a.large are launched: 2 machines for 12 hours at most: 2.19 $ a class day, disks 4.80 $ a month."
"""
