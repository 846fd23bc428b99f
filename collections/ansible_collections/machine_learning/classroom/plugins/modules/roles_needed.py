#!/usr/bin/python
"""Ask this machine which of its roles would change something."""

from __future__ import annotations

DOCUMENTATION = r"""
module: roles_needed
short_description: Ask a machine which of its roles would change something
description:
  - Takes one remote execution for all O(roles). On the machine each role's job runs in check mode.
  - The action plugin of the same name reads the task that does the job, with its arguments, from the file of the role
    itself. The play must import the role, so that its variables are known.
  - A role is not needed only if its job came to an end and found nothing to do. A change, a failure, an answer that did
    not come and a Jupyter that is silent all mean that it is. So the task itself never fails.
  - No answer holds what a job's arguments call secret.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  roles:
    description: The roles, each as C(ROLE) or C(ROLE/TASKS_FROM). Such a file has one task with a job.
    type: list
    elements: str
    required: true
  force:
    description: Ask nobody, and call every role needed.
    type: bool
    default: false
  jobs:
    description: The jobs with their arguments, by role, as JSON. Filled in by the action plugin.
    type: str
    default: "{}"
attributes:
  check_mode:
    details: Asks all the same, since to ask changes nothing.
"""

EXAMPLES = r"""
- name: Ask the machine which roles it needs
  machine_learning.classroom.roles_needed:
    roles: [student, work/restore, conda]
  register: roles_needed

- name: Install the environment
  ansible.builtin.import_role:
    name: conda
  when: "'conda' in roles_needed.roles"
"""

RETURN = r"""
roles:
  description: The roles that are needed, in the order in which they were given.
  type: list
  elements: str
  returned: always
  sample: [conda]
reasons:
  description: Why each of them is needed, in words.
  type: dict
  returned: always
  sample: {conda: [installed numpy 2.3.1]}
returned:
  description: What the jobs of the other roles returned, as far as it is neither list nor dictionary, by role.
  type: dict
  returned: always
  sample: {conda: {packages: 214}}
took_s:
  description: How long it took to ask, in seconds, answered or not.
  type: int
  returned: always
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.ask import asked, no_room


def main() -> None:
    """Run the module: answer for each job, also for those that are not needed."""
    module = AnsibleModule(
        argument_spec={
            "roles": {"type": "list", "elements": "str", "required": True},
            "force": {"type": "bool", "default": False},
            # One text, so that neither the machine's journal nor a result has what is in it, and yet an answer may name
            # who is in it.
            "jobs": {"type": "str", "default": "{}", "no_log": True},
        },
        supports_check_mode=True,
    )
    jobs = json.loads(module.params["jobs"])
    answers, returned = {}, {}
    for role, (job, arguments) in jobs.items():
        why, returned[role] = asked(job, arguments)
        answers[role] = no_room() + why
    needed = [role for role in answers if answers[role]]
    module.exit_json(
        changed=False,
        roles=needed,
        reasons=answers,
        returned={role: said for role, said in returned.items() if said and role not in needed},
    )


if __name__ == "__main__":
    main()
