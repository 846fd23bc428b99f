#!/usr/bin/python
"""Documentation of the action roster_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: roster_info
short_description: Read and check the class roster
description:
  - Reads a table with the columns C(name), C(email) and, where given, C(username), with or without a header, or what
    a learning platform exports. The separator is the one under which the header is recognised.
  - What a platform calls a student is made into a username. Staff, by the column of roles, are left out.
  - Who has a username in this class keeps it.
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
  credentials:
    description:
      - The file that M(machine_learning.classroom.credentials) keeps. It need not exist. Only the usernames are read.
    type: path
  changed_addresses:
    description: E-mail addresses that have changed, old to new. Whoever has one keeps the username that the other had.
    type: dict
    default: {}
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Read the roster
  machine_learning.classroom.roster_info:
    path: students.csv
    credentials: "{{ class_state_dir }}/credentials.json"
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
      description: The one that the student has already, that was given, or that was made.
      type: str
      sample: ada
    line:
      description: Where the file names the student, counted from 1.
      type: int
      sample: 2
notes:
  description: Which usernames were made of what, and who is left out, in sentences.
  type: list
  elements: str
  returned: success
  sample: ["No machine for staff: Tom Teacher (Instructor)."]
"""
