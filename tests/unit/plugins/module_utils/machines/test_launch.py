"""Whether a launch can succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import (
    LaunchError,
    choose_subnet,
    quota_of,
    require_disk,
    require_quota,
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


def test_the_first_zone_that_offers_the_type_is_taken() -> None:
    assert choose_subnet(SUBNETS, ["eu-west-1b", "eu-west-1e"], "t3a.large", "eu-west-1") == SUBNETS[1]
    assert choose_subnet(SUBNETS, None, "t3a.large", "eu-west-1") == SUBNETS[2]
    with pytest.raises(LaunchError, match="has no default subnet"):
        choose_subnet([], None, "t3a.large", "eu-west-1")


def test_what_runs_and_what_is_started_counts_against_its_own_quota_alone() -> None:
    standard = quota_of("t3a.large")
    assert standard is not None
    vcpus = {"t3a.large": 2, "m5.xlarge": 4, "g4dn.xlarge": 4}
    require_quota(["t3a.large"] * 2, ["m5.xlarge", "g4dn.xlarge"], vcpus, standard, 8, "eu-west-1")
    with pytest.raises(LaunchError, match=r"need 6 vCPUs in eu-west-1. The account may run 8 there, and 4 run"):
        require_quota(["t3a.large"] * 3, ["m5.xlarge", "g4dn.xlarge"], vcpus, standard, 8, "eu-west-1")


def test_the_disk_holds_the_locked_environment() -> None:
    require_disk(7, 7, 400_000_000)
    with pytest.raises(LaunchError, match=r"needs 10 GB: the system 4, the environment 5, .* asks for 8\."):
        require_disk(9, 8, 1_000_000_000)
    with pytest.raises(LaunchError, match="a machine needs 40 GB"):
        require_disk(39, 40, None)
