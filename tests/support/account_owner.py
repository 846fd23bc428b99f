"""What the account's owner does in the AWS console: there everything is allowed, not only what the policy allows."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import boto3

from lab.layout import ENDPOINT_URL
from lab.state import Secrets

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

REGION = "us-east-1"  # that of class.yml
# The keys of the owner of an AWS without hosts; those of the lab are in its secrets.
KEY_WITHOUT_HOSTS, SECRET_WITHOUT_HOSTS = "AKIAOWNER00000000000", "made-up-for-the-account-s-owner"


def session(url: str = ENDPOINT_URL, region: str = REGION) -> boto3.Session:
    """Return a session with the keys of the owner of the AWS at `url`: of the lab's, or of one without hosts."""
    return boto3.Session(*_keys(url), region_name=region)


def ec2(url: str = ENDPOINT_URL, region: str = REGION) -> EC2Client:
    """Return the owner's client of the EC2 at `url`, which threads may share."""
    return _ec2(url, region, *_keys(url))


def default_subnet(url: str, zone: str) -> str:
    """Return the default subnet of a zone of the EC2 at `url`."""
    filters: Any = [{"Name": "availability-zone", "Values": [zone]}, {"Name": "default-for-az", "Values": ["true"]}]
    (subnet,) = ec2(url).describe_subnets(Filters=filters)["Subnets"]
    return subnet["SubnetId"]


@functools.cache  # by the keys, too: each lab has its own
def _ec2(url: str, region: str, access_key: str, secret_key: str) -> EC2Client:
    return boto3.client("ec2", region, endpoint_url=url, aws_access_key_id=access_key, aws_secret_access_key=secret_key)


def _keys(url: str) -> tuple[str, str]:
    if url != ENDPOINT_URL:
        return KEY_WITHOUT_HOSTS, SECRET_WITHOUT_HOSTS
    own = Secrets.load()
    return own.owner_access_key, own.owner_secret_key
