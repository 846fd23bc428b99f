#!/usr/bin/python
"""Give the students of a machine the notebooks of the course."""

from __future__ import annotations

DOCUMENTATION = r"""
module: notebooks
short_description: Give the students of a machine the notebooks of the course
description:
  - Puts every file of O(source) into the folder of every student, below O(directory), at the same path.
  - A file that was given and that the student never changed becomes the new edition of the template. In a notebook
    that the student did change, the two are merged by cells. Where a person must decide, the student's file stays as it
    is and the new edition is laid beside it, as C(NAME.new-VERSION.ipynb).
  - Whatever else is there, file, link or folder, stays as it is. A notebook that a student deleted stays deleted.
  - A merge leaves the student's notebook as it was before, hidden, as C(.NAME.before-VERSION.ipynb).
  - Works in each folder as the student whom it belongs to, and follows no link there.
  - Keeps a record, and the bytes, of what was given to whom, so that a later update can tell what the student changed.
  - Takes one remote execution, and a second one when the machine lacks the bytes of a file.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  source:
    description:
      - The folder on the control node. Hidden files are left out.
      - So is what is useless to everybody, such as a notebook that Jupyter would not open. Whoever has it keeps it; see
        M(machine_learning.classroom.templates_info).
    type: path
    required: true
  students:
    description: The usernames of the students. Their accounts must exist.
    type: list
    elements: str
    required: true
  directory:
    description: The folder that holds the students' folders. Its parent is made too, but nothing above it.
    type: path
    required: true
  again:
    description: Paths in O(source) of files that come back to students who deleted them.
    type: list
    elements: str
    default: []
  python:
    description: The interpreter that merges notebooks; it must have nbformat.
    type: path
    default: /opt/conda/envs/conda_env/bin/python
  store:
    description: Where it is remembered what was given to whom; made for root alone.
    type: path
    default: /var/lib/machine_learning_aws/delivered
  owner:
    description: Who owns O(directory).
    type: str
    default: root
  templates:
    description: The sha256 of each file of O(source), by path. Filled in by the action plugin of the same name.
    type: dict
  withheld:
    description: Paths in O(source) that nobody is given for now. Filled in by the action plugin of the same name.
    type: list
    elements: str
    default: []
  contents:
    description: Compressed bytes of files that the machine lacks. Filled in by the action plugin of the same name.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    details: Says what would be given to whom, and merges to see what would come of it.
  diff_mode:
    support: full
    details: Of notebooks it shows the sources of their cells.
"""

EXAMPLES = r"""
- name: Give every student the notebooks, and bring them up to date
  become: true
  machine_learning.classroom.notebooks:
    source: templates/notebooks
    students: [ada, grace]
    directory: /home/ubuntu/machine_learning_aws/daily_user
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be done, in words.
  type: list
  elements: str
  returned: always
kept:
  description: By student, the paths where the new edition did not take the place of the student's own file.
  type: dict
  returned: always
  sample: {ada: [01-first-steps.ipynb]}
report:
  description: What was brought up to date and what needs a person, in sentences that begin with the student.
  type: list
  elements: str
  returned: always
missing:
  description: The paths whose bytes the machine lacks; nothing was done while there are any.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.notebooks import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
