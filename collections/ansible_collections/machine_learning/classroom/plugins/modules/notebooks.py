#!/usr/bin/python
"""Give the students of a machine the notebooks of the course."""

from __future__ import annotations

DOCUMENTATION = """
module: notebooks
short_description: Give the students of a machine the notebooks of the course
description:
  - Puts every file of O(source) into the folder of every student, below O(directory), at the same path.
  - Whatever is there already, file, link or folder, stays as it is. What was given once is never given again, so
    a notebook that a student deleted stays deleted.
  - Works in each folder as the student whom it belongs to, and follows no link there.
  - Keeps a record, and the bytes, of what was given to whom, so that a later update can tell what the student changed.
  - Takes one remote execution, and a second one when the machine lacks the bytes of a file.
options:
  source:
    description: The folder on the control node. Hidden files are left out.
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
  contents:
    description: Compressed bytes of files that the machine lacks. Filled in by the action plugin of the same name.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Says what would be given to whom.
    support: full
author:
  - The machine_learning_aws developers
"""

EXAMPLES = """
- name: Give every student the notebooks that the student never had
  become: true
  machine_learning.classroom.notebooks:
    source: templates/notebooks
    students: [ada, grace]
    directory: /home/ubuntu/machine_learning_aws/daily_user
"""

RETURN = """
changes:
  description: What was done, or in check mode would be done, in words.
  type: list
  elements: str
  returned: always
kept:
  description: By student, the paths that were not given because something of the student's own is there.
  type: dict
  returned: always
missing:
  description: The paths whose bytes the machine lacks; nothing was done while there are any.
  type: list
  elements: str
  returned: always
"""

import base64
import zlib

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import Delivery, NotebooksError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "students": {"type": "list", "elements": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "store": {"type": "path", "default": "/var/lib/machine_learning_aws/delivered"},
            "owner": {"type": "str", "default": "root"},
            "templates": {"type": "dict"},
            # Not secret, but nothing that anybody wants to read in the system's log.
            "contents": {"type": "list", "elements": "str", "default": [], "no_log": True},
        },
        supports_check_mode=True,
    )
    host = Host(module)
    params = module.params
    delivery = Delivery(host, params["directory"], store=params["store"], owner=params["owner"])
    templates = params["templates"] or {}
    try:
        for content in params["contents"]:
            delivery.keep(zlib.decompress(base64.b64decode(content)))
        missing = delivery.missing(params["students"], templates)
        if missing and not host.check_mode:
            host.done(missing=missing, kept={})
        outcomes = {student: delivery.deliver(student, templates) for student in params["students"]}
    except NotebooksError as error:
        host.fail(str(error))
    host.done(missing=[], kept={student: outcome.other for student, outcome in outcomes.items() if outcome.other})


if __name__ == "__main__":
    main()
