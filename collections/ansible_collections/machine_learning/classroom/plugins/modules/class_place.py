#!/usr/bin/python
"""Tell in which AWS account and region a class lives."""

from __future__ import annotations

DOCUMENTATION = r"""
module: class_place
short_description: Tell in which AWS account and region a class lives
description:
  - Asks AWS who we are, with one request, and says in words what is wrong where it does not answer.
author: The machine_learning_aws developers
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
options: {}
attributes:
  check_mode:
    support: full
    description: It only asks.
"""

EXAMPLES = r"""
- name: Ask AWS who we are
  machine_learning.classroom.class_place:
    region: us-east-1
  register: place
"""

RETURN = r"""
words:
  description: Account, region and, where it is not AWS's own, the endpoint.
  type: str
  returned: success
  sample: account 123456789012, region us-east-1
"""

import os

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}


def explain(error: BotoCoreError | ClientError, region: str | None) -> str:
    """Say in words why AWS did not tell who we are, and what to do."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return (
            f"There are no AWS credentials here: {error}\n"
            "Run `aws configure`, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run again."
        )
    if isinstance(error, EndpointConnectionError):
        where = os.environ.get("AWS_ENDPOINT_URL") or f"region {region}"
        return (
            f"AWS does not answer ({where}).\n"
            "Look at the network, at class_region in group_vars/all/class.yml and, if set, at AWS_ENDPOINT_URL."
        )
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code in EXPIRED:
        return "The AWS credentials have expired. Log in again (`aws sso login`, or new keys) and run again."
    if code:
        return (
            f"AWS refuses these credentials: {code}.\n"
            "Check the keys, and that this machine's clock is right, and run again."
        )
    return f"AWS cannot be asked: {error}"


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec={}, supports_check_mode=True)
    try:
        client = module.client("sts")
        account = client.get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    words = f"account {account}, region {module.region}"
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        words += f", endpoint {endpoint}"
    module.exit_json(changed=False, words=words)


if __name__ == "__main__":
    main()
