#!/usr/bin/python
"""Documentation of the action later_playbooks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: later_playbooks
short_description: Know which playbooks the same command runs after this one
description:
  - A command ends with the first playbook that fails, so one that can leave its complaint to a later one asks here.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  playbook:
    description: The name of the file of this one.
    type: str
    required: true
attributes:
  check_mode:
    details: It only looks.
"""

EXAMPLES = r"""
# With `ansible-playbook provision.yml configure.yml`, playbooks is [configure.yml].
- name: Find out what this command does next
  machine_learning.classroom.later_playbooks:
    playbook: provision.yml
  register: later
"""

RETURN = r"""
playbooks:
  description: The names of the files of the later ones.
  type: list
  elements: str
  returned: success
"""
