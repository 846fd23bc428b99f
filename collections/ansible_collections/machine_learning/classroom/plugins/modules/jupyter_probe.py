#!/usr/bin/python
"""Ask every student's Jupyter whether it answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_probe
short_description: Ask every student's Jupyter whether it answers
description:
  - Asks each service on this machine with and without its token. It changes nothing and never fails.
author: The machine_learning_aws developers
options:
  students:
    description: The students of this machine, each with C(username), C(port) and C(token).
    type: list
    elements: dict
    required: true
attributes:
  check_mode:
    support: full
    description: It only asks.
"""

EXAMPLES = r"""
- name: Ask every Jupyter whether it answers
  machine_learning.classroom.jupyter_probe:
    students: "{{ machine_students }}"
  register: jupyter
"""

RETURN = r"""
answering:
  description: Whether each student's Jupyter answers, by username.
  type: dict
  returned: success
  sample: {ada: true}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.jupyter import is_ready


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"students": {"type": "list", "elements": "dict", "required": True, "no_log": True}},
        supports_check_mode=True,
    )
    students = module.params["students"]
    module.exit_json(changed=False, answering={s["username"]: is_ready(s["port"], s["token"]) for s in students})


if __name__ == "__main__":
    main()
