#!/usr/bin/python
"""Start, stop or terminate many instances at once; those that AWS refuses are named."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_states
short_description: Start, stop or terminate many instances at once
description:
  - One request for up to a thousand instances, where M(amazon.aws.ec2_instance) sends one for each and takes no more
    than 200. Instances that are in the state already, or on their way, are left alone; those that cannot be asked yet
    are waited for.
  - AWS changes all instances of a request or none. What it refuses is tried in halves, so that an instance which cannot
    be changed holds up no other; RV(refused) has it. What concerns all of them, such as a missing permission, fails.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  instance_ids:
    description: The instances.
    type: list
    elements: str
    required: true
  state:
    description: The state that they are to have.
    type: str
    choices: [started, stopped, terminated]
    required: true
  launch_times:
    description:
      - When instances were launched or started last, by instance id, as C(launch_time) of
        M(machine_learning.classroom.instances_info) has it. One that was started since is refused, and named in
        RV(refused), for what was known of it is out of date.
    type: dict
    default: {}
  timeout:
    description: How many seconds to wait until they have it, and before that until they can be asked.
    type: int
    default: 300
attributes:
  check_mode:
    details: Nothing is waited for.
"""

EXAMPLES = r"""
- name: Start two machines
  machine_learning.classroom.instance_states:
    region: us-east-1
    instance_ids: [i-0abc, i-0def]
    state: started
"""

RETURN = r"""
instances:
  description: The instances as they are at the end, as M(amazon.aws.ec2_instance_info) returns them.
  type: list
  elements: dict
  returned: success
refused:
  description: Why instances do not have the state, by instance id.
  type: dict
  returned: success
  sample: {i-0abc: "AWS has no free machine of its type in its zone now (InsufficientInstanceCapacity)"}
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import (
    concerns_all,
    explain,
    explain_refused_machine,
    explain_state,
    launch_failed,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.instances import told
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.states import (
    CHANGES,
    GONE,
    batches,
    change_all,
)

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_ec2.type_defs import InstanceTypeDef

SECONDS_BETWEEN_POLLS = 2
STARTED = "it was started while this ran, so nobody knows what is on it now; run this again"


class States:
    """The instances of one request, and their way into another state."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        """Ask as `module` is told to."""
        given = module.params
        self._module = module
        self._ids: list[str] = given["instance_ids"]
        self._change = CHANGES[given["state"]]
        self._seconds: int = given["timeout"]
        # EC2 does not know an instance by its id until a moment after it was launched.
        shown = AWSRetry.jittered_backoff(retries=6, delay=1, catch_extra_error_codes=["InvalidInstanceID.NotFound"])
        self._ec2 = module.client("ec2", retry_decorator=shown)
        retry = AWSRetry.jittered_backoff(retries=6, delay=1)
        # botocore repeats whatever EC2 calls its own fault, a lack of capacity too; AWSRetry only what time mends.
        self._ec2_once = module.client("ec2", retry_decorator=retry, config=Config(retries={"max_attempts": 0}))
        self.refused: dict[str, str] = {}
        # As they were when they were last looked at.
        self.found: dict[str, InstanceTypeDef] = {}

    def look(self) -> None:
        """Look how the instances are now."""
        pages = [self._ec2.describe_instances(aws_retry=True, InstanceIds=batch) for batch in batches(self._ids)]
        reservations = [reservation for page in pages for reservation in page["Reservations"]]
        self.found = {each["InstanceId"]: each for reservation in reservations for each in reservation["Instances"]}

    def refuse_started(self, launch_times: Mapping[str, str]) -> None:
        """Refuse those that have to be asked, and were launched or started at another time than in `launch_times`."""
        for id_ in self.due():
            now = self.found[id_]["LaunchTime"].isoformat()
            if launch_times.get(id_, now) != now:
                self.refused[id_] = STARTED

    def due(self) -> list[str]:
        """Return which instances have to be asked."""
        asked = (id_ for id_ in self._ids if id_ not in self.refused)
        return [id_ for id_ in asked if self.found[id_]["State"]["Name"] not in self._change.done]

    def bring(self) -> list[str]:
        """Bring those that were looked at there and wait until they have arrived; return which were asked."""
        self._until(lambda instance: instance["State"]["Name"] not in self._change.wait)
        due = self.due()
        self._refuse([id_ for id_ in due if self.found[id_]["State"]["Name"] in (*self._change.wait, *GONE)])
        if due:
            self.refused |= change_all([id_ for id_ in due if id_ not in self.refused], self._ask)
            self.look()
        self._until(self._settled)
        self._refuse([id_ for id_ in self.found if self.found[id_]["State"]["Name"] != self._change.state])
        return [id_ for id_ in due if id_ not in self.refused]

    def _settled(self, instance: InstanceTypeDef) -> bool:
        """Tell whether nothing more is to be expected: it has arrived, or AWS let it fall on the way."""
        state = instance["State"]["Name"]
        fell = state in GONE or (state == "stopped" and launch_failed(instance.get("StateReason", {}).get("Code", "")))
        return state == self._change.state or (fell and self._change.state != "terminated")

    def _ask(self, ids: Sequence[str]) -> str:
        try:
            getattr(self._ec2_once, self._change.action)(aws_retry=True, InstanceIds=list(ids))
        except ClientError as error:
            if concerns_all(error):
                raise
            return explain_refused_machine(error)
        return ""

    def _until(self, there: Callable[[InstanceTypeDef], bool]) -> None:
        """Look at the instances again until all that AWS did not refuse are `there`, or the time is over."""
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            if all(there(self.found[id_]) for id_ in self.found.keys() - self.refused.keys()):
                return
            time.sleep(SECONDS_BETWEEN_POLLS)
            self.look()

    def _refuse(self, ids: Sequence[str]) -> None:
        """Note that these did not come on, by what AWS says of them."""
        for id_ in ids:
            reason = self.found[id_].get("StateReason", {})
            state = self.found[id_]["State"]["Name"]
            self.refused.setdefault(id_, explain_state(state, reason.get("Code", ""), reason.get("Message", "")))


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "instance_ids": {"type": "list", "elements": "str", "required": True},
            "state": {"choices": sorted(CHANGES), "required": True},
            "launch_times": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    if not module.params["instance_ids"]:
        module.exit_json(changed=False, instances=[], refused={})
    states = States(module)
    try:
        states.look()
        states.refuse_started(module.params["launch_times"])
        changed = states.due() if module.check_mode else states.bring()
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    instances = [told(each) for each in states.found.values()]
    module.exit_json(changed=bool(changed), instances=instances, refused=states.refused)


if __name__ == "__main__":
    main()
