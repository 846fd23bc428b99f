#!/usr/bin/python
"""Documentation of the action datasets_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: datasets_info
short_description: Read and check the list of data sets
description:
  - Reads a YAML file of data sets and names what is wrong in it. No server is asked, and nothing is changed.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  path:
    description: The file.
    type: path
    required: true
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Check the list of data sets
  machine_learning.classroom.datasets_info:
    path: data/datasets.yml
  register: listed
"""

RETURN = r"""
datasets:
  description: The data sets in the order of the file.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: What the data set is called.
      type: str
      sample: iris
    url:
      description: Where its bytes are, as a server is asked for them.
      type: str
      sample: https://example.com/my%20data.csv
    sha256:
      description: The sha256 of these bytes.
      type: str
      sample: f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449
    path:
      description: The file or folder that it becomes on the machines.
      type: str
      sample: iris.csv
    unpack:
      description: Whether it is unpacked.
      type: bool
"""
