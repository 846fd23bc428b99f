#!/usr/bin/python
"""Keep the system's own services out of the class's way."""

from __future__ import annotations

DOCUMENTATION = r"""
module: system_services
short_description: Keep the system's own services out of the class's way
description:
  - Installs units that do something at every boot, sets other times for timers of the system, and lays settings of
    other programs beside their own.
  - What is to be done at boot is not done now; timers count with their new times at once.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  at_boot:
    description: The text of each unit that starts at boot, by its name.
    type: dict
    required: true
  timers:
    description: What is laid beside the settings of each timer, by its name.
    type: dict
    required: true
  time_zone:
    description: The time zone that the timers name. One that the machine does not know is refused.
    type: str
    required: true
  files:
    description: The text of other files, by path.
    type: dict
    required: true
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Upgrade at night
  machine_learning.classroom.system_services:
    at_boot: {}
    timers:
      apt-daily-upgrade.timer: |
        [Timer]
        OnCalendar=
        OnCalendar=*-*-* 03:30 Europe/Berlin
        Persistent=false
    time_zone: Europe/Berlin
    files: {}
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
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.system_services import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
