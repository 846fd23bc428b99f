#!/usr/bin/python
"""Name the machines of a class and give them to the students, by tags."""

from __future__ import annotations

DOCUMENTATION = r"""
module: seats
short_description: Name the machines of a class and give them to students
description:
  - Plans a seat for every student (nobody ever changes seat) and writes the plan to the machines' tags C(Name) and
    C(Students), one CreateTags call per machine that changes, all at once.
  - Then waits until AWS shows these tags, for half a minute at most, so that whoever lists machines next finds them.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  class_name:
    description: The class; a seat is called CLASS_NAME-NNN.
    type: str
    required: true
  instances:
    description: The machines of the class as M(amazon.aws.ec2_instance_info) returns them.
    type: list
    elements: dict
    required: true
  usernames:
    description: The students of the roster.
    type: list
    elements: str
    required: true
  students_per_machine:
    description: How many students share a machine.
    type: int
    default: 1
  spare_machines:
    description: How many machines stay empty for walk-ins.
    type: int
    default: 0
attributes:
  check_mode:
    details: Calls nothing.
"""

EXAMPLES = r"""
- name: Give every student a machine
  machine_learning.classroom.seats:
    class_name: ml101
    instances: "{{ machines.instances }}"
    usernames: [ada, grace]
"""

RETURN = r"""
tags:
  description: The tags that were set, by instance id.
  type: dict
  returned: success
  sample: {i-0abc: {Name: ml101-001, Students: ada}}
waiting:
  description: The students for whom there is no machine yet.
  type: list
  elements: str
  returned: success
instances:
  description: The given instances with the tags that they now have.
  type: list
  elements: dict
  returned: success
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import SeatError, plan
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.states import batches

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

# EC2 allows bursts of about a hundred mutating calls; eight at once keep well below it.
CALLS_AT_ONCE = 8
# Of what EC2 is late with; as a rule it is a second or two.
SECONDS_TO_SHOW = 30
SECONDS_BETWEEN_POLLS = 1


def _wait_until_shown(client: Any, tags: dict[str, dict[str, str]]) -> None:
    """Wait until EC2, which is consistent only after a while, shows the `tags` of each instance id, or time is over."""
    deadline = time.monotonic() + SECONDS_TO_SHOW
    waiting = list(tags)
    while waiting and time.monotonic() < deadline:
        pages = [client.describe_instances(aws_retry=True, InstanceIds=batch) for batch in batches(waiting)]
        shown = {
            instance["InstanceId"]: boto3_tag_list_to_ansible_dict(instance.get("Tags", []))
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }
        waiting = [id_ for id_ in waiting if not tags[id_].items() <= shown.get(id_, {}).items()]
        if waiting:
            time.sleep(SECONDS_BETWEEN_POLLS)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "class_name": {"required": True},
            "instances": {"type": "list", "elements": "dict", "required": True},
            "usernames": {"type": "list", "elements": "str", "required": True},
            "students_per_machine": {"type": "int", "default": 1},
            "spare_machines": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        planned = plan(
            given["usernames"],
            given["instances"],
            class_name=given["class_name"],
            students_per_machine=given["students_per_machine"],
            spare_machines=given["spare_machines"],
        )
    except SeatError as error:
        module.fail_json(msg=str(error))
    tags = planned.tags
    if tags and not module.check_mode:
        client = module.client("ec2", retry_decorator=AWSRetry.jittered_backoff())

        def tag(item: tuple[str, dict[str, str]]) -> None:
            instance_id, wanted = item
            pairs: list[dict[str, Any]] = [{"Key": key, "Value": value} for key, value in wanted.items()]
            client.create_tags(aws_retry=True, Resources=[instance_id], Tags=pairs)

        try:
            with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
                list(pool.map(tag, tags.items()))
            _wait_until_shown(client, tags)
        except (BotoCoreError, ClientError) as error:
            module.fail_json(msg=explain(error, module.region))
    seated = [
        {**instance, "tags": {**(instance.get("tags") or {}), **tags.get(instance["instance_id"], {})}}
        for instance in given["instances"]
    ]
    module.exit_json(changed=bool(tags), tags=tags, instances=seated, waiting=planned.waiting)


if __name__ == "__main__":
    main()
