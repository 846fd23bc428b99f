#!/usr/bin/python
"""Documentation of the action replacement_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replacement_plan
short_description: Plan which machines are replaced
description:
  - Plans whose machines are replaced by others, from C(-e student=) and from what a run before had begun. Who shares
    a machine with them moves along.
  - Fails in words where somebody cannot be meant.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.selection
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  instances:
    description: The machines of the class, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  record:
    description: The file that remembers what a run before had begun. Where it is missing, nothing was.
    type: path
    required: true
  stopped:
    description:
      - The machines that stopped with all work at home, as
        RV(machine_learning.classroom.stopped_machines#module:collected). They need not be started.
    type: dict
    default: {}
  known:
    description: The usernames of students who may have no seat at the moment, but work that can be given up.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    details: It only plans.
"""

EXAMPLES = r"""
- name: Select the machines that are replaced
  machine_learning.classroom.replacement_plan:
    student: ada
    instances: "{{ machines.instances }}"
    record: "{{ class_state_dir }}/replacing.json"
  register: replacement_plan
"""

RETURN = r"""
students:
  description: The usernames of the students who move.
  type: list
  elements: str
  returned: success
  sample: [ada]
instance_ids:
  description: The old machines that are still there.
  type: list
  elements: str
  returned: success
  sample: [i-0abc]
instances:
  description: The same machines, as they were given.
  type: list
  elements: dict
  returned: success
to_start:
  description: Those of RV(instance_ids) that have to run, because not all work on them is known to be at home.
  type: list
  elements: str
  returned: success
  sample: [i-0abc]
spares:
  description: The machines on which nobody sits.
  type: list
  elements: str
  returned: success
  sample: [i-0def]
seated:
  description: The usernames of all who have a seat, or had one until it was taken from them in a replacement.
  type: list
  elements: str
  returned: success
  sample: [ada, grace]
others:
  description: The old machine of each student whose replacement another run has begun; to be remembered afterwards.
  type: dict
  returned: success
  sample: {mary: i-0fed}
pending:
  description: The old machine of each student who moves.
  type: dict
  returned: success
  sample: {ada: i-0abc}
record:
  description: What to keep at O(record) until all is done, which is RV(pending) and what else is there.
  type: dict
  returned: success
  sample: {ada: i-0abc}
"""
