#!/usr/bin/python
"""Documentation of the action class_settings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_settings
short_description: Refuse settings of a class that are misspelt or of another type
description:
  - Looks at all settings of the class, wherever they come from, but for the login of the mail server and the sender of
    letters; and at the names in O(file) and on the command line that begin with C(class_). One that is like no setting
    is somebody's own, and only said.
  - Names every fault at once, and shows no value.
  - Runs on the control node, asks nobody and changes nothing.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  file:
    description: The file in which the instructor decides; it need not exist.
    type: path
    required: true
  refuse:
    description: Whether a fault fails the task. Otherwise each is a warning.
    type: bool
    default: true
attributes:
  check_mode:
    details: It only looks.
"""

EXAMPLES = r"""
- name: Check the settings of the class
  machine_learning.classroom.class_settings:
    file: "{{ project_dir }}/group_vars/all/class.yml"
"""

RETURN = r"""
own:
  description: The names that are like no setting.
  type: list
  elements: str
  returned: success
  sample: [class_room]
"""
