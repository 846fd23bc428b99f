#!/usr/bin/python
"""Tell in which AWS account and region a class lives."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_location_info
short_description: Tell in which AWS account and region a class lives
description:
  - Asks AWS who we are and whether we may list machines, and says in words what is wrong where it does not answer.
  - Refuses another location than the one in which the class was provisioned.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  class_name:
    description: The class.
    type: str
    required: true
  record:
    description: The file that keeps where the class was provisioned; this module only reads it.
    type: path
    required: true
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: Ask AWS who we are
  machine_learning.classroom.class_location_info:
    region: us-east-1
    class_name: ml101
    record: "{{ class_state_dir }}/place.json"
  register: location
"""

RETURN = r"""
description:
  description: Account, region and, where it is not AWS's own, the endpoint.
  type: str
  returned: success
  sample: account 123456789012, region us-east-1
record:
  description: What to keep at O(record) when the class is made here.
  type: str
  returned: success
  sample: '{"account": "123456789012", "region": "us-east-1"}'
"""

import os
from contextlib import suppress
from pathlib import Path

from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_credentials import (
    CredentialsError,
    require_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.location import (
    Location,
    LocationError,
    require_region,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package

with suppress(ImportError):  # HAS_BOTO3 says so
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError


def find_location(module: AnsibleAWSModule) -> Location:
    """Ask AWS who we are, and whether these credentials may look at the region's machines."""
    session = boto3.session.Session(profile_name=module.params["profile"])
    known = [name for each in session.get_available_partitions() for name in session.get_available_regions("ec2", each)]
    require_region(module.region, known)
    require_credentials()  # amazon.aws would say so in its own way
    account = module.client("sts").get_caller_identity()["Account"]
    module.client("ec2").describe_instances(MaxResults=5)
    return Location(account, module.region)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={"class_name": {"required": True}, "record": {"type": "path", "required": True}},
        supports_check_mode=True,
        check_boto3=HAS_BOTO3,  # without it, amazon.aws would not say what to do
    )
    if not HAS_BOTO3:
        module.fail_json(msg=missing_package("boto3"))
    record = Path(module.params["record"])
    try:
        location = find_location(module)
        location.require_same(record, module.params["class_name"])
    except (CredentialsError, LocationError) as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    module.exit_json(changed=False, description=location.description(endpoint), record=location.to_json())


if __name__ == "__main__":
    main()
