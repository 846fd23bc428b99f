#!/usr/bin/python
"""Documentation of the action private_directories."""

from __future__ import annotations

DOCUMENTATION = r"""
module: private_directories
short_description: Keep private folders on the control node
description:
  - Makes folders that nobody but their owner enters, mode 0700, whatever mode they had.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  paths:
    description: The folders, each before those in it.
    type: list
    elements: path
    required: true
"""

EXAMPLES = r"""
- name: Keep private folders for what must be remembered
  machine_learning.classroom.private_directories:
    paths:
      - "{{ class_state_dir }}"
      - "{{ class_state_dir }}/letters"
"""

RETURN = r"""
paths:
  description: The folders that were missing or open to others.
  type: list
  elements: str
  returned: success
"""
