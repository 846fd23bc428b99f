#!/usr/bin/python
"""Bring this machine's conda environment to the class's lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_environment
short_description: Bring a machine's conda environment to the class's lock
description:
  - Installs the conda client (py-rattler) if it is missing, then exactly the packages of the lock, each verified by its
    sha256, and makes the environment active in everybody's shells. What the lock has of PyPI, the environment's own pip
    installs, wheels only and by their hashes.
  - An unchanged lock costs one short look. The environment changes at once, and only when the new one is whole and
    proved, so a run that fails or is cut off leaves the old one as it was.
  - An action plugin of the same name reads the lock on the control node and sends pip to machines that need it.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  lock_file:
    description: The lock, on the control node.
    type: path
    required: true
  lock:
    description: The lock's content. The action plugin fills it in.
    type: str
    default: ""
  prefix:
    description: Where the environment lies. The folder two levels up holds all that belongs to conda.
    type: path
    default: /opt/conda/envs/conda_env
  client_requirements:
    description: The client as a list of requirements with hashes.
    type: str
    required: true
  mirror_url:
    description:
      - A web address with a Python package index at C(simple/), for the client and for what the lock has of PyPI; empty
        for pip's own.
    type: str
    default: ""
  pip_archive:
    description: Where pip lies on the machine, as a zip file. Filled in by the action plugin where it is needed.
    type: path
    default: ""
  imports:
    description: What an ordinary user must be able to import.
    type: list
    elements: str
    default: []
  time_limit:
    description: For each of client, packages, PyPI's packages, byte code and imports, in seconds.
    type: int
    default: 1800
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Install the environment
  machine_learning.classroom.conda_environment:
    lock_file: environment.lock
    client_requirements: "{{ lookup('ansible.builtin.file', 'client.txt') }}"
    imports: [numpy, pandas]
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: success
packages:
  description: How many packages the lock holds.
  type: int
  returned: success
client_missing:
  description: Nothing was done, because the client is missing and so is pip to install it. For the action plugin.
  type: bool
  returned: when so
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.conda_environment import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
