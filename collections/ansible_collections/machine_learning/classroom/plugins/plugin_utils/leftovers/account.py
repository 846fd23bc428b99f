"""What an account has in all of its regions: asked of them at once, and nothing is changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain

with suppress(ImportError):  # who asks AWS says so
    from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_ec2 import EC2Client

# The tags that name a class: of its machines and all that is theirs; of what was baked for it.
CLASS, BAKED_BY = "Class", "BakedBy"

_AT_ONCE = 32  # as many as AWS has regions, nearly
_PAGE = {"PageSize": 1000}
_TAGGED = {"Filters": [{"Name": "tag-key", "Values": [CLASS, BAKED_BY]}]}
_OWN_SNAPSHOTS = {"OwnerIds": ["self"], "PaginationConfig": _PAGE}
# What is asked of each region: the action, and with what. Disks are asked for without a filter, as those of a machine
# need not have its tags; snapshots, as those that somebody made by hand have none; images, for their snapshots.
_QUESTIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "machines": ("describe_instances", _TAGGED),
    "disks": ("describe_volumes", {"PaginationConfig": _PAGE}),
    "snapshots": ("describe_snapshots", _OWN_SNAPSHOTS),
    "images": ("describe_images", {"Owners": ["self"], "PaginationConfig": _PAGE}),
    "addresses": ("describe_addresses", _TAGGED),
}


@dataclass
class Region:
    """What EC2 tells of a region, as it words it; and why not, where it does not tell."""

    name: str
    machines: list[Any] = field(default_factory=list)
    disks: list[Any] = field(default_factory=list)
    snapshots: list[Any] = field(default_factory=list)
    images: list[Any] = field(default_factory=list)
    addresses: list[Any] = field(default_factory=list)
    # Of the five above, those that it does not tell, each with the reason.
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Account:
    """The regions of an account."""

    regions: list[Region]
    not_enabled: list[str] = field(default_factory=list)
    # Why AWS does not say which regions there are; then only one was asked.
    not_listed: str = ""

    def not_looked_at(self) -> list[str]:
        """Say what is not known, in a line for each reason: the regions, or what of them."""
        missing: dict[tuple[tuple[str, ...], str], list[str]] = {}
        for region in self.regions:
            if region.refused:
                whole = region.refused.keys() == _QUESTIONS.keys()
                reasons = {next(iter(region.refused.values()))} if whole else {*region.refused.values()}
                for reason in sorted(reasons):
                    kinds = () if whole else tuple(kind for kind, why in region.refused.items() if why == reason)
                    missing.setdefault((kinds, reason), []).append(region.name)
        lines = [
            f"{' and '.join([', '.join(kinds[:-1]), kinds[-1]] if len(kinds) > 1 else kinds)}"
            f"{' in ' if kinds else ''}{', '.join(names)}: {reason}"
            for (kinds, reason), names in missing.items()
        ]
        return lines + ([f"all other regions: {self.not_listed}"] if self.not_listed else [])


def look(region: str, client: Callable[[str], EC2Client]) -> Account:
    """Look at all regions that the account may use; at `region` alone, where AWS does not say which these are.

    `client` makes a client for EC2 in a region. Nothing is raised: what AWS refuses is not known.
    """
    try:
        listed = client(region).describe_regions(AllRegions=True)["Regions"]
    except (BotoCoreError, ClientError) as error:
        return Account([_look(Region(region), client(region))], not_listed=_reason(error, region))
    usable = sorted(each["RegionName"] for each in listed if each["OptInStatus"] != "not-opted-in")
    clients = [client(name) for name in usable]  # one after the other, since a session is no thing for threads
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        regions = list(threads.map(_look, map(Region, usable), clients))
    return Account(regions, sorted({each["RegionName"] for each in listed} - {*usable}))


def _look(region: Region, ec2: EC2Client) -> Region:
    """Ask all questions in one region."""
    for kind, (action, asked) in _QUESTIONS.items():
        try:
            setattr(region, kind, _ask(ec2, action, asked))
        except (BotoCoreError, ClientError) as error:
            region.refused[kind] = _reason(error, region.name)
    return region


def _ask(ec2: Any, action: str, asked: Mapping[str, Any]) -> list[Any]:
    """Return all that EC2 answers, from all pages, in a single list."""
    pages = ec2.get_paginator(action).paginate(**asked) if ec2.can_paginate(action) else [getattr(ec2, action)(**asked)]
    # Beside the one list there is only what botocore says of the answer.
    lists = [value for page in pages for value in page.values() if isinstance(value, list)]
    things = [thing for found in lists for thing in found]
    return [each for one in things for each in one["Instances"]] if action == "describe_instances" else things


def _reason(error: BotoCoreError | ClientError, region: str) -> str:
    """Say in a line why a question was not answered."""
    return explain(error, region).splitlines()[0]
