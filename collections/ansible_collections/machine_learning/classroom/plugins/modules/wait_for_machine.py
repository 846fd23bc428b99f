#!/usr/bin/python
"""Documentation of the action wait_for_machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wait_for_machine
short_description: Wait until a machine answers over ssh and has room to work
description:
  - Does what M(ansible.builtin.wait_for_connection) does, but fails at once, and in words, where the machine's disk is
    full. A megabyte must be free, for modules need some.
  - Takes one remote execution, without Python.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  wait_s:
    description: How many seconds to wait.
    type: int
    default: 120
attributes:
  check_mode:
    support: none
    details: The task is skipped.
"""

EXAMPLES = r"""
- name: Wait for the machine
  machine_learning.classroom.wait_for_machine:
    wait_s: 300
"""

RETURN = r"""
silent:
  description: That the machine gave no answer, and may yet.
  type: bool
  returned: when that is why it failed
msg:
  description: Why the machine cannot work.
  type: str
  returned: failure
  sample: the machine's disk is full. Make room there, also in students' ~/.local/share/Trash, then run again.
"""
