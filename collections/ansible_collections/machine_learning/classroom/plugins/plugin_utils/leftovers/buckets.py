"""The buckets with students' stable pages that an account has, whichever class they are of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.bucket import is_name
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import CLASS
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.resources import Leftover

with suppress(ImportError):  # who asks AWS says so
    from botocore.exceptions import BotoCoreError, ClientError

NOWHERE = "S3"
"""What stands for the region: a bucket is found from everywhere."""

_PAGE = {"PageSize": 1000}


@dataclass(frozen=True)
class Buckets:
    """What S3 tells of them, and why not, where it does not tell."""

    leftovers: list[Leftover]
    refused: str = ""


def look(s3: Any, own: str) -> Buckets:
    """Find those that bear our names; `own` is that of the class whose command it is, or empty.

    What is in one costs less than a cent, so one that cannot be looked for is said, and no reason to fail.
    """
    try:
        pages = s3.get_paginator("list_buckets").paginate(PaginationConfig=_PAGE)
        names = sorted(each["Name"] for page in pages for each in page["Buckets"] if is_name(each["Name"]))
        return Buckets([_leftover(name, _class_of(s3, name), own) for name in names])
    except (BotoCoreError, ClientError) as error:
        return Buckets([], explain(error, None).splitlines()[0])


def _class_of(s3: Any, name: str) -> str:
    """Return the class that the tag of a bucket names; of one that a run was killed over, that which its name has."""
    try:
        tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        tags = []
    return next((tag["Value"] for tag in tags if tag["Key"] == CLASS), name.rpartition("-pages-")[0])


def _leftover(name: str, class_name: str, own: str) -> Leftover:
    remove = "ansible-playbook teardown.yml" if name == own else f"aws s3 rb s3://{name} --force"
    return Leftover(NOWHERE, class_name, f"bucket {name} with students' pages, a few kB", (), remove)
