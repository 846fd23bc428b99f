#!/usr/bin/python
"""Keep a history of each student's folder on the machine itself, from which the student brings files back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_autosave
short_description: Keep a history of each student's folder on the machine itself
description:
  - Installs the commands C(my-work) and C(bring-back), by which students see what was saved and bring files back.
  - Starts a timer for each student, which saves what is new in the student's folder, as the student.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - git
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  students:
    description: The usernames of the students. Their accounts must exist.
    type: list
    elements: str
    required: true
  units:
    description: The texts of C(my-work@.service) and C(my-work@.timer), by name.
    type: dict
    required: true
  settings:
    description: What the commands know of the class, as C(module_utils/work/autosave.py) names it.
    type: dict
    required: true
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Save the students' work every ten minutes
  machine_learning.classroom.work_autosave:
    students: [ada]
    units: "{{ units }}"
    settings:
      source: /home/ubuntu/machine_learning_aws/daily_user
      store: /var/lib/my-work
      largest_mb: 1024
      most_mb: 2048
      days: 7
      minutes: 10
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.work_autosave import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
