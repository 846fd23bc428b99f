#!/usr/bin/python
"""Documentation of the action release_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_plan
short_description: Plan which machines may stop, be replaced or end
description:
  - Releases the machines whose students' work is verified at home or given up, and no other. Machines of which several
    bear one Name are all retained.
  - What came home from machines is read from their variable C(work_brought_home), for each in the inventory's group
    C(machines). It is by instance id.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  instances:
    description: All machines of the class as they are now, as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  selected:
    description: Those of O(instances) in question, as they were when the run began. Without it, all are.
    type: list
    elements: dict
  at_rest:
    description:
      - The machines that stopped with all work at home, as
        RV(machine_learning.classroom.stopped_machines#module:collected).
    type: dict
    default: {}
  leaving:
    description:
      - The usernames of students who give up their seats. Only their machines and their work count; where others stay,
        the machine does too, and their slots are emptied. Without it, everybody counts.
    type: list
    elements: str
  abandon:
    description: The usernames of students whose work is given up.
    type: list
    elements: str
    default: []
  snapshot:
    description: The usernames of students whose work is kept with a snapshot of the whole disk.
    type: list
    elements: str
    default: []
  starting:
    description: The machines that the run asked AWS to start, by instance id.
    type: list
    elements: str
    default: []
  not_started:
    description:
      - Why machines did not start, so that their work could not be collected, as
        RV(machine_learning.classroom.instance_states#module:refused).
    type: dict
    default: {}
  all_or_none:
    description: Fail if not all that are in question may go.
    type: bool
    default: false
attributes:
  check_mode:
    details: Work that could come home counts as if it had, and so does all that is on the machines in RV(foreseen).
"""

EXAMPLES = r"""
- name: Find out which machines may stop
  machine_learning.classroom.release_plan:
    instances: "{{ machines.instances }}"
    selected: "{{ student_selection.instances }}"
    abandon: [grace]
  register: stop_release
"""

RETURN = r"""
instance_ids:
  description: The machines that may go.
  type: list
  elements: str
  returned: success
  sample: [i-0abc]
snapshots:
  description: Those of them that may go only after a snapshot of their disk, with the words that describe it.
  type: dict
  returned: success
  sample: {i-0abc: "Work of ada, ml101-001"}
retained:
  description: A sentence for each machine that stays.
  type: list
  elements: str
  returned: success
  sample: ["ml101-001 (running; ada): it could not be reached, so its work was not collected"]
next_steps:
  description: What can be done about all that stay; empty if none does.
  type: str
  returned: success
abandoned:
  description: The usernames of students who lose work that is not at home.
  type: list
  elements: str
  returned: success
tags:
  description: The tag C(Students) of machines that stay because others sit there, by instance id.
  type: dict
  returned: success
  sample: {i-0def: "- grace"}
foreseen:
  description: In check mode, the machines that would be started first, to bring home what is on them.
  type: list
  elements: str
  returned: success
  sample: ["ml101-001 (stopped; ada)"]
launch_times:
  description:
    - When the machines in O(instances) were launched or started last, by instance id, for
      O(machine_learning.classroom.instance_states#module:launch_times).
  type: dict
  returned: success
collected:
  description:
    - By instance id, what came home in this run, as RV(machine_learning.classroom.work_collect#module:work).
  type: dict
  returned: success
"""
