"""Instances as `amazon.aws.ec2_instance_info` returns them, which all that deals with machines reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef


def list_instances(ec2: EC2Client, filters: Mapping[str, str | Sequence[str]]) -> list[dict[str, Any]]:
    """Return the instances of the client's region that meet all filters, each a value or a list of them.

    :raises BotoCoreError, ClientError: AWS does not answer, or refuses.
    """
    wanted: Any = [
        {"Name": name, "Values": [value] if isinstance(value, str) else list(value)} for name, value in filters.items()
    ]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=wanted)
    reservations = [reservation for page in pages for reservation in page["Reservations"]]
    return [told(instance) for reservation in reservations for instance in reservation["Instances"]]


def told(instance: InstanceTypeDef) -> dict[str, Any]:
    """Return what boto3 says of an instance with names as Ansible has them, tags by name, and times as text."""
    tags = boto3_tag_list_to_ansible_dict(instance.get("Tags", []))
    plain: dict[str, Any] = json.loads(json.dumps(instance, default=lambda time: time.isoformat()))
    return {**camel_dict_to_snake_dict(plain), "tags": tags}
