#!/usr/bin/python
"""Documentation of the action roster_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: roster_info
short_description: Read and check the class roster
description:
  - Reads a CSV file with the columns C(name), C(email) and, where given, C(username), with or without a header.
  - Finds all mistakes at once and names each with its line. It changes nothing.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  path:
    description: The CSV file.
    type: path
    required: true
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Read the roster
  machine_learning.classroom.roster_info:
    path: students.csv
  register: roster
"""

RETURN = r"""
students:
  description: The students in the order of the file.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The student's name.
      type: str
      sample: Ada Example
    email:
      description: The student's address.
      type: str
      sample: ada@example.com
    username:
      description: The one that was given, or what the address gives.
      type: str
      sample: ada
    line:
      description: Where the file names the student, counted from 1.
      type: int
      sample: 2
"""
