"""Whether a launch can succeed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import (
    LaunchError,
    quota_of,
    quota_use,
    require_disk,
    require_nitro,
    require_quota,
    require_storage,
    require_time_zone,
    storage_use,
    usable_subnets,
)

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import SubnetTypeDef

SUBNETS: list[SubnetTypeDef] = [
    {"SubnetId": "subnet-e", "AvailabilityZone": "eu-west-1e"},
    {"SubnetId": "subnet-b", "AvailabilityZone": "eu-west-1b"},
    {"SubnetId": "subnet-a", "AvailabilityZone": "eu-west-1a"},
]


@pytest.mark.parametrize(
    ("instance_type", "code"),
    [
        ("t3a.large", "L-1216C47A"),
        ("m7i-flex.large", "L-1216C47A"),
        ("im4gn.large", "L-1216C47A"),
        ("g4dn.xlarge", "L-DB2E81BA"),
        ("p3.2xlarge", "L-417A185B"),
    ],
)
def test_every_family_has_its_quota(instance_type: str, code: str) -> None:
    quota = quota_of(instance_type)
    assert quota is not None
    assert quota.code == code


@pytest.mark.parametrize(
    "instance_type", ["inf1.xlarge", "mac1.metal", "hpc6a.48xlarge", "x1.32xlarge", "u-6tb1.metal"]
)
def test_other_families_count_against_none_of_them(instance_type: str) -> None:
    assert quota_of(instance_type) is None


def test_machines_need_a_subnet_with_ipv4_addresses() -> None:
    six: SubnetTypeDef = {"SubnetId": "subnet-6", "AvailabilityZone": "eu-west-1a", "Ipv6Native": True}
    usable = usable_subnets([*SUBNETS, six], "eu-west-1")
    assert [subnet["SubnetId"] for subnet in usable] == ["subnet-a", "subnet-b", "subnet-e"]
    with pytest.raises(LaunchError, match="has no default subnet"):
        usable_subnets([six], "eu-west-1")
    with pytest.raises(LaunchError, match="subnet-6 gives IPv6 addresses alone"):
        usable_subnets([six], "eu-west-1", "subnet-6")
    with pytest.raises(LaunchError, match="no subnet subnet-7 in eu-west-1"):
        usable_subnets([], "eu-west-1", "subnet-7")


def test_consoles_are_read_where_they_can_be() -> None:
    require_nitro("m6a.large", "nitro")
    require_nitro("m6a.metal", None)
    with pytest.raises(LaunchError, match=r"t2\.large runs on Xen"):
        require_nitro("t2.large", "xen")


def test_what_runs_and_what_is_started_counts_against_its_own_quota_alone() -> None:
    standard = quota_of("t3a.large")
    assert standard is not None
    vcpus = {"t3a.large": 2, "m5.xlarge": 4, "g4dn.xlarge": 4}
    running = ["m5.xlarge", "g4dn.xlarge"]

    def require(number: int, *, by_default: bool = False) -> None:
        wanted = ["t3a.large"] * number
        use = quota_use(wanted, running, vcpus, standard, 8, by_default=by_default)
        require_quota(use, wanted, "eu-west-1", launch=number)

    require(2)
    with pytest.raises(LaunchError, match=r"need 6 vCPUs in eu-west-1. The account may run 8 there, and 4 run"):
        require(3)
    with pytest.raises(
        LaunchError, match=r"run 8 there \(AWS's default: that of the account is not known\), and 4 run"
    ):
        require(3, by_default=True)
    with pytest.raises(LaunchError, match=r"\naws service-quotas .* L-1216C47A --desired-value 10 --region eu-west-1$"):
        require(3)
    require_quota(quota_use([], running, vcpus, standard, 2), [], "eu-west-1", launch=0)  # what runs already, runs


def test_disks_are_held_against_what_the_account_may_have() -> None:
    whole = storage_use(1, 1024, 49 * 1024, 50)
    require_storage(whole, 1, 1024, "eu-west-1")
    with pytest.raises(LaunchError, match=r"(?s)and 49\.00 are there .* ebs .* --desired-value 51 "):
        require_storage(storage_use(1, 1025, 49 * 1024, 50), 1, 1025, "eu-west-1")
    with pytest.raises(LaunchError, match=r"may have 50 there \(AWS's default: that of the account is not known\)"):
        require_storage(storage_use(2, 1024, 49 * 1024, 50, by_default=True), 2, 1024, "eu-west-1")
    require_storage(storage_use(0, 30, 51 * 1024, 50), 0, 30, "eu-west-1")  # what is there already, is there


def test_the_disk_holds_the_locked_environment() -> None:
    require_disk(7, 7, 400_000_000)
    with pytest.raises(LaunchError, match=r"needs 10 GB: the system 4, the environment 5, .* asks for 8\."):
        require_disk(9, 8, 1_000_000_000)
    with pytest.raises(LaunchError, match="a machine needs 40 GB"):
        require_disk(39, 40, None)


ZONES = {"UTC", "America/New_York", "Europe/Berlin", "Europe/Dublin", "Asia/Kolkata"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Berlin", "Do you mean Europe/Berlin?"),
        ("Europe/Berln", "Do you mean Europe/Berlin?"),
        ("New York", "Do you mean America/New_York?"),
        ("america/new_york", "Do you mean America/New_York?"),
        ("Atlantis/Nowhere", "Europe/Berlin is one."),
        ("", "Europe/Berlin is one."),
    ],
)
def test_a_time_zone_that_does_not_exist_is_refused_with_what_comes_near(name: str, hint: str) -> None:
    words = f"There is no time zone {name!r}. {hint}\nNothing was launched. Set class_time_zone in group_vars/all/"
    with pytest.raises(LaunchError, match=re.escape(words)):
        require_time_zone(name, ZONES)


@pytest.mark.parametrize(("name", "known"), [("Europe/Berlin", ZONES), ("UTC", ZONES), ("Berlin", set())])
def test_a_time_zone_is_judged_where_time_zones_are_known(name: str, known: set[str]) -> None:
    require_time_zone(name, known)
