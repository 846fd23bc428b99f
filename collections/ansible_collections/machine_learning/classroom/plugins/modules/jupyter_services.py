#!/usr/bin/python
"""Run one Jupyter service per student."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_services
short_description: Run one Jupyter service per student
description:
  - Installs the units and Jupyter's settings, and for each student a token file and a port.
  - C(jupyter-port@USERNAME.socket) holds the student's port on the loopback addresses and leads to that
    student's Jupyter.
  - Starts every service, at boot too, and waits until each one answers to its token and to nothing else.
  - A service restarts only where its own unit, settings, token or port changed, since a restart ends its kernels. With
    the token go the cookies that browsers were given for it.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.jupyter
  - machine_learning.classroom.attributes
options:
  units:
    description:
      - The texts of C(jupyter@.service), C(jupyter-port@.socket) and C(jupyter-port@.service), by name.
    type: dict
    required: true
  files:
    description: Other files that all services read, text by path.
    type: dict
    default: {}
  state_directory:
    description: Where tokens are kept. C(jupyter@.service) reads C(USERNAME/token) here.
    type: path
    required: true
  timeout:
    description: How many seconds the services may take to answer.
    type: int
    default: 120
attributes:
  check_mode:
    details: Asks each service once whether it answers if all else is as it should be, and waits for none.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Run a Jupyter service for every student
  machine_learning.classroom.jupyter_services:
    ports: {ada: 8888}
    tokens: {ada: "{{ token }}"}
    units: "{{ jupyter_units }}"
    state_directory: /etc/machine_learning_aws/jupyter
"""

RETURN = r"""
silent:
  description: That a Jupyter did not answer in time, and may yet.
  type: bool
  returned: when that is why it failed
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.jupyter_services import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
