#!/usr/bin/python
"""Take a machine's front away, and give its port back to sshd."""

from __future__ import annotations

DOCUMENTATION = r"""
module: front_removal
short_description: Take a machine's front away, and give its port back to sshd
description:
  - Undoes what M(machine_learning.classroom.front) has done to services and sshd. Changes nothing on a machine that has
    no front.
  - The port goes back to sshd in one process of systemd's. Sessions that came through the front end.
  - haproxy and certbot stay installed. Certificates stay where they are, links are forgotten.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  sshd_config_file:
    description: The file in which sshd is told its ports.
    type: path
    required: true
  ssh_ports:
    description: The ports on which sshd is to listen. If the front's is one of them, it is given back.
    type: list
    elements: int
    required: true
"""

EXAMPLES = r"""
- name: Let nobody in over https any more
  machine_learning.classroom.front_removal:
    sshd_config_file: /etc/ssh/sshd_config.d/10-machine-learning-class.conf
    ssh_ports: [22, 443]
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
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.front_removal import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
