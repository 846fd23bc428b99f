#!/usr/bin/python
"""Read and check the class roster."""

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

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster import RosterError, read_roster


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    try:
        students = read_roster(module.params["path"])
    except RosterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, students=[asdict(student) for student in students])


if __name__ == "__main__":
    main()
