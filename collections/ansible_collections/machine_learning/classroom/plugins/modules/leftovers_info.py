#!/usr/bin/python
"""Documentation of the action leftovers_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: leftovers_info
short_description: Tell what still costs money of classes, in all regions of the account
description:
  - Looks in all regions at once for machines, disks, images, snapshots and addresses with a tag C(Class) or C(BakedBy),
    and for snapshots that have no tags, which may be of a class. Says what each costs a month, and what removes it.
  - Looks for buckets with students' stable pages, by their names. That these may not be listed is said in the report
    alone, for they cost less than a cent.
  - Security groups and key pairs cost nothing, and are not listed.
  - What AWS does not permit to look at is said; it does not fail.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  class_name:
    description: The class. What is its own in O(region) is removed by its own commands.
    type: str
    required: true
  region:
    description: The region in which it lives. It is asked which others there are.
    type: str
    required: true
  state_dir:
    description: The folder in which prices are kept for a week, if it is there.
    type: path
    required: true
attributes:
  check_mode:
    details: It only asks, and keeps no prices.
"""

EXAMPLES = r"""
- name: Look for what costs money
  machine_learning.classroom.leftovers_info:
    region: us-east-1
    class_name: ml101
    state_dir: "{{ class_state_dir }}"
  register: leftovers
"""

RETURN = r"""
leftovers:
  description: What costs money.
  type: list
  elements: dict
  returned: success
  contains:
    region:
      description: Where it is.
      type: str
    class_name:
      description: The class that its tags name; empty if it has no tags.
      type: str
    what:
      description: What it is, in words.
      type: str
    usd_a_month:
      description: What it costs a month, in USD; empty if that is not known.
      type: str
      sample: "2.40"
    command:
      description: What removes it.
      type: str
not_looked_at:
  description: What is not known of which regions, and why.
  type: list
  elements: str
  returned: success
  sample: ["eu-west-1: AWS does not permit ec2:DescribeInstances to these credentials (UnauthorizedOperation)."]
report:
  description: All of it, for an instructor to read.
  type: str
  returned: success
"""
