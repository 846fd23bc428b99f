"""Where machines can be launched when EC2 has not enough of them: capacity pools, tried until all are launched.

A capacity pool is what EC2 calls the unused machines of one type in one zone. A launch in a pool gets what there is, at
least one machine, or is refused.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import LaunchError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mypy_boto3_ec2.type_defs import SubnetTypeDef

_SETTINGS = "group_vars/all/class.yml"


@dataclass(frozen=True)
class CapacityPool:
    """The machines of one type in one zone."""

    instance_type: str
    subnet_id: str
    zone: str
    # Whether they have CPU credits.
    burstable: bool = False


def capacity_pools(
    instance_types: Sequence[str], subnets: Sequence[SubnetTypeDef], zones: Mapping[str, Collection[str]] | None
) -> list[CapacityPool]:
    """Return where machines may be launched, in the order in which it is tried: type by type, each in every zone.

    `zones` are those that offer each type; None = not known, try all.
    """
    pools = [
        CapacityPool(instance_type, subnet["SubnetId"], subnet["AvailabilityZone"])
        for instance_type in instance_types
        for subnet in subnets
        if zones is None or subnet["AvailabilityZone"] in zones.get(instance_type, ())
    ]
    if pools:
        return pools
    offering = sorted({zone for each in (zones or {}).values() for zone in each})
    raise LaunchError(
        f"{subnets[0]['AvailabilityZone']}, the zone of {subnets[0]['SubnetId']}, offers no "
        f"{' and no '.join(instance_types)}; {', '.join(offering)} do.\n"
        f"Set class_subnet_id to a subnet there, or another class_instance_type, in {_SETTINGS}; then run again."
    )


def fill(
    count: int, pools: Sequence[CapacityPool], launch: Callable[[CapacityPool, int], list[str]], timeout: float
) -> list[str]:
    """Launch `count` machines, or as many as there are; return their ids.

    `launch` asks a pool for at most so many and returns what it gave. The pools of one type are asked at once, each
    for its share, so that together never more are launched than are missing; the next type comes when they are empty.
    After `timeout` seconds nobody is asked any more.
    """
    launched: list[str] = []
    end = time.monotonic() + timeout
    for instance_type in dict.fromkeys(pool.instance_type for pool in pools):
        left = [pool for pool in pools if pool.instance_type == instance_type]
        while left and len(launched) < count and time.monotonic() < end:
            asked = _shares(count - len(launched), left)
            with ThreadPoolExecutor(len(asked)) as threads:
                given = dict(zip(asked, threads.map(launch, asked, asked.values()), strict=True))
            launched += [instance for instances in given.values() for instance in instances]
            left = [pool for pool in left if pool not in asked or len(given[pool]) == asked[pool]]
    return launched


def no_more(empty: Mapping[CapacityPool, str], unasked: Sequence[CapacityPool]) -> str:
    """Say in a line why EC2 gave no more: which pools were empty, with its code, and which there was no time to ask."""
    said = []
    if empty:
        types = " and no more ".join(dict.fromkeys(pool.instance_type for pool in empty))
        zones = ", ".join(sorted({pool.zone for pool in empty}))
        said.append(f"AWS has no more {types} in {zones} now ({' and '.join(dict.fromkeys(empty.values()))}).")
    if unasked:
        types = " and ".join(dict.fromkeys(pool.instance_type for pool in unasked))
        said.append(f"AWS answers slowly, so there was no time to ask for {types} everywhere. Run this again.")
    else:
        said.append(f"Run this again later, or add a type to class_instance_type in {_SETTINGS}.")
    return " ".join(said)


def _shares(count: int, pools: Sequence[CapacityPool]) -> dict[CapacityPool, int]:
    """Divide `count` among `pools`, those in front first; without those who would get none."""
    each, more = divmod(count, len(pools))
    shares = {pool: each + (number < more) for number, pool in enumerate(pools)}
    return {pool: share for pool, share in shares.items() if share}
