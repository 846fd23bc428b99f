#!/usr/bin/python
"""Documentation of the action stopped_machines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stopped_machines
short_description: Find the machines that stopped with all work at home
description:
  - Nobody need start such a machine to look. It is one of which M(machine_learning.classroom.stop_records) remembers
    that it stopped with all work at home, that was not started since, and of which the history at home still has the
    work.
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
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Find those that stopped with all work at home
  machine_learning.classroom.stopped_machines:
    instances: "{{ machines.instances }}"
    home: daily_user
    class_name: ml101
    addresses: {ada: ada@example.com}
  register: stopped_machines
"""

RETURN = r"""
collected:
  description:
    - By instance id, what a collect would say of each student's work. Of
      RV(machine_learning.classroom.work_collect#module:work) it has C(username), C(verified), C(files), C(missing) and
      C(reason).
  type: dict
  returned: success
  sample:
    i-0abc:
      - username: ada
        verified: true
        files: 12
        missing: false
        reason: ""
"""
