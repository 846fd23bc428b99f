#!/usr/bin/python
"""Documentation of the action class_location_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_location_info
short_description: Tell in which AWS account and region a class lives
description:
  - Asks AWS who we are and whether we may list machines, and says in words what is wrong where it does not answer.
  - Refuses another location than the one in which the class was provisioned.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  class_name:
    description: The class.
    type: str
    required: true
  record:
    description: The file that keeps where the class was provisioned; this module only reads it.
    type: path
    required: true
  region:
    description: The region in which the class lives.
    type: str
    required: true
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: Ask AWS who we are
  machine_learning.classroom.class_location_info:
    region: us-east-1
    class_name: ml101
    record: "{{ class_state_dir }}/place.json"
  register: location
"""

RETURN = r"""
description:
  description: Account, region and, where it is not AWS's own, the endpoint.
  type: str
  returned: success
  sample: account 123456789012, region us-east-1
record:
  description: What to keep at O(record) when the class is made here.
  type: str
  returned: success
  sample: '{"account": "123456789012", "region": "us-east-1"}'
"""
