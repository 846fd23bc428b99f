#!/usr/bin/python
"""Launch machines in whichever zone, and of whichever type, EC2 has them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: launch_elsewhere
short_description: Launch machines in whichever capacity pool EC2 has them
description:
  - For when M(amazon.aws.ec2_instance), which insists on one zone and one type and gets all machines or none, found not
    enough. Asks pool after pool for what is missing, the pools of one type at once, and takes what there is.
  - Launches as many as it can and says how many are missing; that is no failure.
  - What that module launched all the same, before it was ended, counts.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  count:
    description: How many machines were missing.
    type: int
    required: true
  filters:
    description: Which machines the class has, as filters of DescribeInstances.
    type: dict
    required: true
  known:
    description: The machines that it had when they were missing.
    type: list
    elements: str
    required: true
  capacity_pools:
    description: Where to ask for them, in this order; as M(machine_learning.classroom.launch_check) returns them.
    type: list
    elements: dict
    required: true
  request:
    description:
      - What else the request holds, as the parameters of RunInstances.
      - M(amazon.aws.ec2_instance) returns them in check mode as RV(ignore:spec).
    type: dict
    required: true
  timeout:
    description: How many seconds to go on asking.
    type: int
    default: 8
attributes:
  check_mode:
    details: Calls nothing, and takes all machines for launched.
"""

EXAMPLES = r"""
- name: Word the request
  amazon.aws.ec2_instance:
    count: 1
    image_id: ami-0123456789abcdef0
    instance_type: m6a.large
    vpc_subnet_id: subnet-0123456789abcdef0
  check_mode: true
  register: request

- name: Launch five machines wherever there are any
  machine_learning.classroom.launch_elsewhere:
    region: us-east-1
    count: 5
    filters:
      tag:Class: ml101
    known: "{{ found.instances | map(attribute='instance_id') }}"
    capacity_pools: "{{ checked.capacity_pools }}"
    request: "{{ request.spec }}"
"""

RETURN = r"""
instance_ids:
  description: The machines that the class has now and had not.
  type: list
  elements: str
  returned: success
missing:
  description: How many could not be launched.
  type: int
  returned: success
refusal:
  description: Why not, in words; empty where all were launched.
  type: str
  returned: success
"""

import threading
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.capacity_pools import (
    CapacityPool,
    fill,
    no_more,
)

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Launcher:
    """Asks EC2 for machines, pool by pool."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        """Ask as `module` is told to, once: what a pool has not got now it has not got in a second either."""
        module.params["aws_config"] = {**(module.params["aws_config"] or {}), "retries": {"total_max_attempts": 1}}
        # Only for EC2's patience: it takes five launches at once, then two a second.
        patience = AWSRetry.jittered_backoff(retries=20, delay=1, backoff=1, max_delay=1)
        self._patience = patience
        self._client = module.client("ec2", retry_decorator=patience)
        self._request: dict[str, Any] = module.params["request"]
        self._region: str = module.region
        self._asked: list[CapacityPool] = []
        self._empty: dict[CapacityPool, str] = {}
        self._refused = threading.Event()
        self._refusal = ""

    def refusal(self, pools: Sequence[CapacityPool]) -> str:
        """Return in a line why not all could be launched in `pools`."""
        return self._refusal or no_more(self._empty, [pool for pool in pools if pool not in self._asked])

    def came(self, filters: dict[str, Any], known: Collection[str]) -> list[str]:
        """Return the ids of the machines that are not `known`: EC2 launched them without saying so."""
        wanted = ansible_dict_to_boto3_filter_list(filters)
        pages = self._client.get_paginator("describe_instances").paginate(Filters=wanted)
        found = self._patience(lambda: list(pages.search("Reservations[].Instances[].InstanceId")))()
        return [instance for instance in found if instance not in known]

    def launch(self, pool: CapacityPool, most: int) -> list[str]:
        """Launch at most `most` machines of `pool`; return their ids. After a refusal that concerns all, none."""
        if self._refused.is_set():
            return []
        self._asked.append(pool)
        try:
            answer = self._client.run_instances(aws_retry=True, **self._parameters(pool, most))
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and _is_of_this_pool(error):
                self._empty[pool] = error.response["Error"]["Code"]
            else:
                self._refusal = " ".join(explain(error, self._region).splitlines())
                self._refused.set()
            return []
        return [instance["InstanceId"] for instance in answer["Instances"]]

    def _parameters(self, pool: CapacityPool, most: int) -> dict[str, Any]:
        request = {key: value for key, value in self._request.items() if key != "CreditSpecification"}
        (interface,) = request["NetworkInterfaces"]
        return {
            **request,
            "InstanceType": pool.instance_type,
            "NetworkInterfaces": [{**interface, "SubnetId": pool.subnet_id}],
            "MinCount": 1,
            "MaxCount": most,
            "ClientToken": uuid.uuid4().hex,
            **({"CreditSpecification": {"CpuCredits": "standard"}} if pool.burstable else {}),
        }


def _is_of_this_pool(error: ClientError) -> bool:
    """Tell whether another zone or type may have what this one refuses."""
    code = error.response["Error"]["Code"]
    return code.startswith("Insufficient") or code == "Unsupported"


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "count": {"type": "int", "required": True},
            "filters": {"type": "dict", "required": True},
            "known": {"type": "list", "elements": "str", "required": True},
            "capacity_pools": {"type": "list", "elements": "dict", "required": True},
            "request": {"type": "dict", "required": True},
            "timeout": {"type": "int", "default": 8},
        },
        supports_check_mode=True,
    )
    count = module.params["count"]
    if module.check_mode:
        module.exit_json(changed=count > 0, instance_ids=[], missing=0, refusal="")
    launcher = Launcher(module)
    pools = [CapacityPool(**pool) for pool in module.params["capacity_pools"]]
    try:
        launched = launcher.came(module.params["filters"], module.params["known"])
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    launched += fill(count - len(launched), pools, launcher.launch, module.params["timeout"])
    missing = count - len(launched)
    module.exit_json(
        changed=bool(launched),
        instance_ids=launched,
        missing=missing,
        refusal=launcher.refusal(pools) if missing else "",
    )


if __name__ == "__main__":
    main()
