#!/usr/bin/python
"""Documentation of the action certificate_orders."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_orders
short_description: Remember which certificates the machines of a class have ordered
description:
  - An authority issues a limited number a week for a domain. So that they are counted, each is written once to
    C(certificates.json) in the class's state.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  machines:
    description: The machines that have one.
    type: list
    elements: dict
    required: true
    suboptions:
      instance_id:
        description: The instance's id.
        type: str
        required: true
      name:
        description: The whole name of its first seat.
        type: str
        required: true
      names:
        description: All names in the certificate.
        type: list
        elements: str
        required: true
  state_dir:
    description: The class's state.
    type: path
    required: true
attributes:
  check_mode:
    details: Remembers nothing.
"""

EXAMPLES = r"""
- name: Remember which certificates were ordered
  machine_learning.classroom.certificate_orders:
    machines:
      - {instance_id: i-0abc, name: ml101-001.class.example.org, names: [ml101-001.class.example.org]}
    state_dir: "{{ class_state_dir }}"
"""

RETURN = r"""
noted:
  description: The names of those that were not known yet.
  type: list
  elements: str
  returned: success
"""
