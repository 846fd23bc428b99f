#!/usr/bin/python
"""Documentation of the action run_duration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_duration
short_description: Remember for how long a command ran
description:
  - Adds a line to the runs of the class, from which M(machine_learning.classroom.class_plan) says how long the next one
    may take. Without a folder of the class nothing is remembered.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  state_dir:
    description: The folder in which the class remembers.
    type: path
    required: true
  command:
    description: The command.
    type: str
    required: true
  machines:
    description: For how many new machines it ran.
    type: int
    required: true
  baked:
    description: Whether they are from a baked image.
    type: bool
    required: true
  begun:
    description: When it began, as M(machine_learning.classroom.run_lock) says it.
    type: float
    required: true
attributes:
  check_mode:
    details: Nothing is remembered.
"""

EXAMPLES = r"""
- name: Remember how long that took
  machine_learning.classroom.run_duration:
    state_dir: "{{ class_state_dir }}"
    command: configure.yml
    machines: 30
    baked: false
    begun: "{{ locked.begun }}"
"""

RETURN = r"""
seconds:
  description: How long it took.
  type: int
  returned: when it was remembered
  sample: 171
"""
