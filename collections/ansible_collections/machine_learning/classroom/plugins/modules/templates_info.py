#!/usr/bin/python
"""Documentation of the action templates_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: templates_info
short_description: Read and check the templates of the students' notebooks
description:
  - Reads a folder whose files every student gets, and finds what is not given to anybody, such as a notebook with the
    marks of a conflict, an empty one, or a link to nothing. It changes nothing, and does not fail.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  source:
    description: The folder.
    type: path
    required: true
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Look through the notebooks of the course
  machine_learning.classroom.templates_info:
    source: templates/notebooks
  register: templates
"""

RETURN = r"""
withheld:
  description: What is not given to anybody, and why; a sentence for each.
  type: list
  elements: str
  returned: success
  sample: ["02-first-classifier.ipynb is given to nobody: it is empty."]
"""
