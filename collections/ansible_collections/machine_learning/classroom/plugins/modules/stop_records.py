#!/usr/bin/python
"""Documentation of the action stop_records."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stop_records
short_description: Remember of machines that they stopped with all work at home
description:
  - Keeps a small file at home for each machine that has stopped and whose every student's work was verified before. A
    start makes it void. M(machine_learning.classroom.stopped_machines) reads it.
  - What cannot be kept is only warned of, for the file does no more than save a later start.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.student_work.home
  - machine_learning.classroom.student_work.addresses
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  instances:
    description: The machines that were to stop, as M(amazon.aws.ec2_instance_info) returns them by now.
    type: list
    elements: dict
    required: true
  collected:
    description: What came home from each before, as RV(machine_learning.classroom.release_plan#module:collected).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Remember that these have nothing that is not at home
  machine_learning.classroom.stop_records:
    instances: "{{ stopped.instances }}"
    collected: "{{ stop_release.collected }}"
    home: daily_user
    class_name: ml101
    addresses: {ada: ada@example.com}
"""

RETURN = r"""
paths:
  description: The files that were written, or in check mode would be.
  type: list
  elements: str
  returned: success
"""
