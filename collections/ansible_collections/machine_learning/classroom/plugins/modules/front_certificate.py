#!/usr/bin/python
"""Have the names of a machine certified, now that they lead to it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: front_certificate
short_description: Have the names of a machine certified, now that they lead to it
description:
  - M(machine_learning.classroom.front) has laid all else, and made the account that the names' records say.
  - Asks for nothing where the certificate is valid. That it fails is no failure of the module, since ssh works.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  names:
    description: The whole names that lead to the machine.
    type: list
    elements: str
    required: true
  sshd_config_file:
    description: The file in which sshd is told whom it lets in.
    type: path
    required: true
  ssh_closed_to:
    description: The group that sshd lets in no more once there is a certificate; empty for none.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Have the names certified
  machine_learning.classroom.front_certificate:
    names: [ml101-001.class.example.org]
    sshd_config_file: /etc/ssh/sshd_config.d/10-machine-learning-class.conf
"""

RETURN = r"""
account:
  description: The address of the machine's account with the authority.
  type: str
  returned: success
certificate_due:
  description: Whether there is no certificate that is valid.
  type: bool
  returned: success
certificate_until:
  description: When the certificate in use ends, in ISO 8601; empty if there is none.
  type: str
  returned: success
certificate_trouble:
  description: Why there is no newer certificate, in the authority's words; empty if none is due.
  type: str
  returned: success
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.front_certificate import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
