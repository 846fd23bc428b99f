#!/usr/bin/python
"""Have a machine stop itself when class ends, or no more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_hours
short_description: Have a machine stop itself when class ends, or no more
description:
  - Installs units and files, and starts those of the units that are timers, at boot too. A timer that has changed
    counts with its new hours at once.
  - Without O(calendar) the timers end, and the units and files are removed. A machine that has none is left alone.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  calendar:
    description:
      - When the machine is to stop, as systemd's C(OnCalendar) takes it; empty for never. What this machine's systemd
        does not understand is refused before anything changes.
    type: list
    elements: str
    required: true
  units:
    description: The text of each unit, by its name.
    type: dict
    required: true
  files:
    description: The text of each other file, by its path.
    type: dict
    required: true
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Stop the machine when class ends
  machine_learning.classroom.class_hours:
    calendar: "{{ calendar }}"
    units:
      class-hours.service: "{{ lookup('ansible.builtin.file', 'class-hours.service') }}"
      class-hours.timer: |
        [Timer]
        OnCalendar=Mon,Wed *-*-* 18:00:00 Europe/Berlin
        [Install]
        WantedBy=timers.target
    files: {}
  vars:
    calendar: ["Mon,Wed *-*-* 18:00:00 Europe/Berlin"]
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
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.class_hours import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
