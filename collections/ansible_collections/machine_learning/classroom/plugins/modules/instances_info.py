#!/usr/bin/python
"""Documentation of the action instances_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instances_info
short_description: List the instances that meet filters
description:
  - Does what M(amazon.aws.ec2_instance_info) does, in the process of Ansible.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  filters:
    description: The filters of EC2's DescribeInstances, by name, each a value or a list of them. An instance meets all.
    type: dict
    required: true
  region:
    description: The region.
    type: str
    required: true
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: List the class's machines
  machine_learning.classroom.instances_info:
    region: us-east-1
    filters:
      "tag:Class": ml101
      instance-state-name: [pending, running]
  register: machines_found
"""

RETURN = r"""
instances:
  description: The instances, as M(amazon.aws.ec2_instance_info) returns them.
  type: list
  elements: dict
  returned: success
"""
