#!/usr/bin/python
"""Documentation of the action student_selection."""

from __future__ import annotations

DOCUMENTATION = r"""
module: student_selection
short_description: Select the students and machines that a command is about
description:
  - Selects whom C(-e student=) and C(--limit) mean, by the rules of the command, and fails in words where somebody
    cannot be meant.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.selection
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  verb:
    description: The command. V(mail) selects from O(roster), V(restore) from O(running), all others from O(instances).
    type: str
    required: true
    choices: [collect, link, start, status, stop, replace, retire, teardown, mail, restore]
  instances:
    description: The machines of the class, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    default: []
  known:
    description:
      - The usernames of all students whom the class has ever had. Where a run before this one may have taken a seat
        away, it is no mistake to name one of them who sits nowhere.
    type: list
    elements: str
    default: []
  roster:
    description:
      - The usernames of the students in the roster. Nobody of them can be retired, and only they have a way in that is
        renewed.
    type: list
    elements: str
    default: []
  running:
    description: The usernames of the students who sit on running machines.
    type: list
    elements: str
    default: []
  class_name:
    description: The class, for messages.
    type: str
    default: ""
attributes:
  check_mode:
    details: It only selects.
"""

EXAMPLES = r"""
- name: Select the students and their machines
  machine_learning.classroom.student_selection:
    verb: stop
    student: ada, grace
    instances: "{{ machines.instances }}"
    abandoned:
      class_abandon_work: [grace]
  register: student_selection
"""

RETURN = r"""
students:
  description: The usernames of the students.
  type: list
  elements: str
  returned: success
  sample: [ada, grace]
instance_ids:
  description: The machines on which they sit or, if nobody was named, that C(--limit) left.
  type: list
  elements: str
  returned: success
  sample: [i-0abc]
seats:
  description: The seats of these machines.
  type: list
  elements: str
  returned: success
  sample: [ml101-001]
instances:
  description: These machines, as they were given.
  type: list
  elements: dict
  returned: success
"""
