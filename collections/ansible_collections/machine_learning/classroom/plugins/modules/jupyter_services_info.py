#!/usr/bin/python
"""Ask every student's Jupyter whether it answers, and what room it has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_services_info
short_description: Ask every student's Jupyter whether it answers, and what room it has
description:
  - Asks each service on this machine with and without its token, when it was last at work, and looks at the disk, at
    memory that was not enough, and whether students are locked out. Where browsers come in over https, it says how the
    certificate is, and who came by a link when.
  - It changes nothing and never fails. Asking is no activity, so a Jupyter that is asked every few minutes is as idle
    as before. What a Jupyter says is bounded in size and time, since the student decides what answers.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.jupyter
  - machine_learning.classroom.attributes
attributes:
  check_mode:
    details: It only asks.
options:
  work_directory:
    description: The folder of the students' folders, whose disk is looked at.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Ask every Jupyter whether it answers
  machine_learning.classroom.jupyter_services_info:
    ports: {ada: 8888}
    tokens: {ada: "{{ token }}"}
    work_directory: /home/ubuntu/machine_learning_aws/daily_user
  register: jupyter
"""

RETURN = r"""
answering:
  description: Whether each student's Jupyter answers, by username.
  type: dict
  returned: success
  sample: {ada: true}
idle_seconds:
  description:
    - How many seconds ago a kernel or terminal of each student was last at work, by username; 0 if one is now. Who has
      none since Jupyter began is missing.
  type: dict
  returned: success
  sample: {ada: 240}
ended_for_memory:
  description: How many processes of each student's Jupyter were ended for want of memory since it began, by username.
  type: dict
  returned: success
  sample: {ada: 0}
locked_out:
  description: The students whose accounts are closed.
  type: list
  elements: str
  returned: success
disk_percent:
  description: How full the disk is.
  type: int
  returned: success
  sample: 41
seconds_since_boot:
  description: How long ago the machine booted.
  type: int
  returned: success
  sample: 5400
front:
  description: How the way in over https is; empty on a machine that has none. Times are in ISO 8601.
  type: dict
  returned: success
  contains:
    open:
      description: Whether links open anything. They do not after a boot under another address, until they are new.
      type: bool
    certificate_until:
      description: When the certificate in use ends; empty if there is none for today's address.
      type: str
    certificate_trouble:
      description: Why there is no newer one, in the authority's words; empty if none is due.
      type: str
    certificate_since:
      description: When that trouble began; empty without trouble.
      type: str
    certificate_again:
      description: When the machine tries again by itself; empty without trouble.
      type: str
opened_seconds:
  description:
    - How many seconds ago each student last came in by the link of the letter, by username. Who is missing has not come
      that way, or longer ago than the machine's journal reaches.
  type: dict
  returned: success
  sample: {ada: 5400}
"""

from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.report import (
    front_report,
    opened_seconds,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.accounts import EXPIRED, expiry
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.health import (
    disk_percent,
    ended_for_memory,
    seconds_since_boot,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.jupyter import idle_seconds, is_ready


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "ports": {"type": "dict", "required": True},
            "tokens": {"type": "dict", "required": True, "no_log": True},
            "work_directory": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    ports, tokens = module.params["ports"], module.params["tokens"]

    def ask(username: str) -> tuple[bool, int | None]:
        port, token = ports[username], tokens[username]
        return (True, idle_seconds(port, token)) if is_ready(port, token) else (False, None)

    # All at once: one that lets us wait holds up no other.
    with ThreadPoolExecutor(max_workers=max(len(ports), 1)) as pool:
        asked = dict(zip(ports, pool.map(ask, ports), strict=True))
    front = front_report()
    module.exit_json(
        changed=False,
        answering={username: ready for username, (ready, _) in asked.items()},
        idle_seconds={username: idle for username, (_, idle) in asked.items() if idle is not None},
        ended_for_memory={username: ended_for_memory("jupyter", username) for username in ports},
        locked_out=[username for username in ports if expiry(username) == EXPIRED],
        disk_percent=disk_percent(module.params["work_directory"]),
        seconds_since_boot=seconds_since_boot(),
        front=front,
        opened_seconds=opened_seconds() if front else {},
    )


if __name__ == "__main__":
    main()
