#!/usr/bin/python
"""Ask every student's Jupyter whether it answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_services_info
short_description: Ask every student's Jupyter whether it answers
description:
  - Asks each service on this machine with and without its token. It changes nothing and never fails.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.jupyter
  - machine_learning.classroom.attributes
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: Ask every Jupyter whether it answers
  machine_learning.classroom.jupyter_services_info:
    ports: {ada: 8888}
    tokens: {ada: "{{ token }}"}
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
        argument_spec={
            "ports": {"type": "dict", "required": True},
            "tokens": {"type": "dict", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    ports, tokens = module.params["ports"], module.params["tokens"]
    module.exit_json(changed=False, answering={name: is_ready(port, tokens[name]) for name, port in ports.items()})


if __name__ == "__main__":
    main()
