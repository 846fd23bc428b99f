#!/usr/bin/python
"""Pin the ssh host keys of a class's machines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_keys
short_description: Pin the ssh host keys of a class's machines
description:
  - Reads the host keys that each new machine printed to its console and pins them by seat in a known_hosts file.
  - Machines that are pinned already cost no request, nor do those that do not run; keys of machines that are gone are
    removed.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  instances:
    description: The machines of the class, with their tag C(Name), as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  path:
    description: The known_hosts file; its directory must exist.
    type: path
    required: true
  timeout:
    description: How many seconds to wait for the consoles. EC2 shows a new machine's console after a minute or two.
    type: int
    default: 300
attributes:
  check_mode:
    details: Asks no console.
"""

EXAMPLES = r"""
- name: Learn the machines' host keys from their consoles
  machine_learning.classroom.host_keys:
    instances: "{{ machines.instances }}"
    path: "{{ class_state_dir }}/known_hosts"
"""

RETURN = r"""
pinned:
  description: The seats whose keys were pinned in this run.
  type: list
  elements: str
  returned: success
silent:
  description: The seats whose consoles showed no key in time.
  type: list
  elements: str
  returned: success
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import (
    HostKey,
    keys_in_console,
    read_known_hosts,
    write_known_hosts,
)

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

CALLS_AT_ONCE = 8
SECONDS_BETWEEN_POLLS = 2


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "instances": {"type": "list", "elements": "dict", "required": True},
            "path": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    machines = {
        instance["tags"]["Name"]: instance["instance_id"]
        for instance in module.params["instances"]
        if "Name" in (instance.get("tags") or {})
    }
    known = read_known_hosts(path)
    kept = [key for key in known if machines.get(key.seat) == key.instance_id]
    running = {each["instance_id"] for each in module.params["instances"] if each["state"]["name"] == "running"}
    pinned_seats = {key.seat for key in kept}
    missing = {seat: id_ for seat, id_ in machines.items() if id_ in running and seat not in pinned_seats}
    if module.check_mode:
        module.exit_json(changed=bool(missing) or kept != known, pinned=sorted(missing), silent=[])
    client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())

    def ask(item: tuple[str, str]) -> list[HostKey]:
        seat, instance_id = item
        answer = client.get_console_output(aws_retry=True, InstanceId=instance_id, Latest=True)
        return keys_in_console(answer.get("Output", ""), seat, instance_id)

    pinned: list[HostKey] = []
    deadline = time.monotonic() + module.params["timeout"]
    while missing:
        try:
            with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
                found = [key for keys in pool.map(ask, missing.items()) for key in keys]
        except (BotoCoreError, ClientError) as error:
            module.fail_json(msg=explain(error, module.region))
        pinned += found
        missing = {seat: machines[seat] for seat in missing.keys() - {key.seat for key in found}}
        if found or kept != known:  # after every poll: a killed run asks only for what it did not get
            write_known_hosts(path, kept + pinned)
        if time.monotonic() > deadline:
            break
        if missing:
            time.sleep(SECONDS_BETWEEN_POLLS)
    if kept != known and not pinned:
        write_known_hosts(path, kept)
    module.exit_json(
        changed=bool(pinned) or kept != known,
        pinned=sorted({key.seat for key in pinned}),
        silent=sorted(missing),
    )


if __name__ == "__main__":
    main()
