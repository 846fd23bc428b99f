"""Where machines are launched when EC2 has not enough of them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.capacity_pools import (
    CapacityPool,
    capacity_pools,
    fill,
    no_more,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import LaunchError
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import SubnetTypeDef

SUBNETS: list[SubnetTypeDef] = [
    {"SubnetId": "subnet-a", "AvailabilityZone": "eu-west-1a"},
    {"SubnetId": "subnet-b", "AvailabilityZone": "eu-west-1b"},
]
LONG = 60.0


def test_pools_come_type_by_type_each_in_every_zone_that_offers_it() -> None:
    zones = {"m6a.large": ["eu-west-1b"], "t3a.large": ["eu-west-1a", "eu-west-1b"]}
    pools = capacity_pools(["m6a.large", "t3a.large"], SUBNETS, zones)
    assert [(pool.instance_type, pool.zone) for pool in pools] == [
        ("m6a.large", "eu-west-1b"),
        ("t3a.large", "eu-west-1a"),
        ("t3a.large", "eu-west-1b"),
    ]


def test_all_are_tried_where_the_zones_are_not_known() -> None:
    assert len(capacity_pools(["m6a.large", "t3a.large"], SUBNETS, None)) == 4


def test_a_subnet_whose_zone_offers_none_of_the_types_is_refused() -> None:
    with pytest.raises(LaunchError, match=r"eu-west-1a, the zone of subnet-a, offers no m6a\.large; eu-west-1b do\."):
        capacity_pools(["m6a.large"], SUBNETS[:1], {"m6a.large": ["eu-west-1b"]})


class Ec2:
    """An EC2 that has so many machines in each pool, and notes what it was asked."""

    def __init__(self, has: dict[CapacityPool, int]) -> None:
        """Have them."""
        self.has = has
        self.asked: list[tuple[CapacityPool, int]] = []
        self.lock = threading.Lock()

    def launch(self, pool: CapacityPool, most: int) -> list[str]:
        """Launch what there is."""
        with self.lock:
            self.asked.append((pool, most))
            given = min(most, self.has[pool])
            self.has[pool] -= given
        return [f"{pool.instance_type}-{pool.zone}"] * given


def pool(instance_type: str, zone: str) -> CapacityPool:
    """Return a pool."""
    return CapacityPool(instance_type, f"subnet-{zone}", zone)


def test_the_next_type_is_asked_once_the_zones_of_the_first_are_empty() -> None:
    ec2 = Ec2({pool("m6a", "a"): 0, pool("m6a", "b"): 3, pool("t3a", "a"): 9})
    launched = fill(8, list(ec2.has), ec2.launch, LONG)
    assert sorted(launched) == ["m6a-b"] * 3 + ["t3a-a"] * 5
    assert sorted(most for _, most in ec2.asked) == [4, 4, 5]


def test_nobody_is_asked_any_more_when_the_time_is_up() -> None:
    ec2 = Ec2({pool("m6a", "a"): 9, pool("t3a", "a"): 9})
    assert fill(3, list(ec2.has), ec2.launch, 0.0) == []
    assert ec2.asked == []


def test_the_pools_of_a_type_are_asked_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def launch(_: CapacityPool, most: int) -> list[str]:
        together.wait()
        return ["i"] * most

    begun = time.monotonic()
    assert len(fill(7, [pool("m6a", zone) for zone in "abc"], launch, LONG)) == 7
    assert time.monotonic() - begun < LONG


@given(
    wanted=st.integers(0, 50),
    has=st.dictionaries(
        st.builds(pool, st.sampled_from(["m6a", "m5", "t3a"]), st.sampled_from("abcde")), st.integers(0, 20), min_size=1
    ),
)
def test_never_more_are_launched_than_wanted_and_never_fewer_than_there_are(
    wanted: int, has: dict[CapacityPool, int]
) -> None:
    there = sum(has.values())
    ec2 = Ec2(dict(has))
    launched = fill(wanted, list(has), ec2.launch, LONG)
    assert len(launched) == min(wanted, there)
    assert sum(ec2.has.values()) == there - len(launched)
    assert all(most > 0 for _, most in ec2.asked)


def test_a_type_that_there_was_no_time_to_ask_for_is_not_said_to_be_gone() -> None:
    empty = {pool("m6a", "b"): "InsufficientInstanceCapacity", pool("m6a", "a"): "InsufficientInstanceCapacity"}
    gone = "AWS has no more m6a in a, b now (InsufficientInstanceCapacity)."
    another = "Run this again later, or add a type to class_instance_type in group_vars/all/class.yml."
    assert no_more(empty, []) == f"{gone} {another}"
    slow = "AWS answers slowly, so there was no time to ask for t3a everywhere. Run this again."
    assert no_more(empty, [pool("t3a", "a"), pool("t3a", "b")]) == f"{gone} {slow}"
    assert no_more({}, [pool("t3a", "a")]) == slow
