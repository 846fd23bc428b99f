#!/usr/bin/python
"""Documentation of the action private_file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: private_file
short_description: Keep a private file on the control node
description:
  - Writes a file that only its owner reads, mode 0600, atomically, and only if it differs.
  - Returns neither content nor difference, so a run may show its result.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  path:
    description: The file; its directory must exist.
    type: path
    required: true
  content:
    description: What the file holds.
    type: str
    required: true
  only_warn:
    description: Whether a file that cannot be kept is a warning, and no failure.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Write a letter
  machine_learning.classroom.private_file:
    path: "{{ class_state_dir }}/letters/ada.eml"
    content: "{{ letter }}"
  no_log: true # a letter holds a password
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: success
"""
