#!/usr/bin/python
"""Leave on a machine what every machine of the class carries, and nothing that is its own alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_preparation
short_description: Leave nothing on a machine that is its own alone
description:
  - For a machine that is about to become an image. Removes the keys that open it and its host keys, its machine id,
    what cloud-init remembers of it, logs, histories, random seeds, temporary files and lists of packages.
  - Nobody can log in afterwards. Who is logged in stays; the machine should be stopped next.
  - Enables units for whatever is launched from the image, and does not start them.
  - Refuses a machine that has students.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - cloud-init
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  units:
    description: The texts of systemd units, by their names.
    type: dict
    required: true
  student_group:
    description: Whoever belongs to this group is a student.
    type: str
    default: students
"""

EXAMPLES = r"""
- name: Leave nothing on the machine that is its own alone
  become: true
  machine_learning.classroom.image_preparation:
    units:
      read-ahead.service: "{{ lookup('ansible.builtin.template', 'read-ahead.service.j2') }}"
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be done, in words.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.image_preparation import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
