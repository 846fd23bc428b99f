"""Whether a launch can succeed: checked before anything is made that costs money or must be taken back."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import UNPACKED
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.time_zones import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mypy_boto3_ec2.type_defs import SubnetTypeDef

# What Ubuntu, its updates and its logs take, and the environment of environment.yml before it is locked, in GB.
SYSTEM_GB, UNLOCKED_ENVIRONMENT_GB = 4, 6
# The least that the students of a machine, and an environment that is made beside the old one, should find.
ROOM_GB = 1

_SETTINGS = "group_vars/all/class.yml"


class LaunchError(ValueError):
    """Why a launch would fail, and what to change."""


@dataclass(frozen=True)
class Quota:
    """A limit on the vCPUs that run at once, for some families of instance types; or on something else of a service."""

    code: str
    families: frozenset[str] = frozenset()
    service: str = "ec2"


# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
QUOTAS = (
    Quota("L-1216C47A", frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"})),  # standard
    Quota("L-DB2E81BA", frozenset({"g", "gr", "vt"})),
    Quota("L-417A185B", frozenset({"p"})),
)
# On all gp3 disks in a region, in TiB: https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
STORAGE = Quota("L-7A658B76", service="ebs")
GIB_A_TIB = 1024


def quota_of(instance_type: str) -> Quota | None:
    """Return the quota that machines of this type count against; none for families that no class has used."""
    family = re.match(r"[a-z]*", instance_type)
    return next((quota for quota in QUOTAS if family and family[0] in quota.families), None)


def usable_subnets(subnets: Iterable[SubnetTypeDef], region: str, given: str = "") -> list[SubnetTypeDef]:
    """Return those `subnets` in which a machine can have an IPv4 address, by their zones.

    `given` is the subnet that the instructor asks for, if any.
    """
    known = sorted(subnets, key=lambda subnet: (subnet["AvailabilityZone"], subnet["SubnetId"]))
    usable = [subnet for subnet in known if not subnet.get("Ipv6Native")]
    if usable:
        return usable
    if not given:
        raise LaunchError(
            f"Region {region} has no default subnet for machines.\n"
            "Create a default VPC in the AWS console (VPC, Actions), or set class_subnet_id in "
            f"{_SETTINGS}; then run again."
        )
    if known:
        raise LaunchError(
            f"The subnet {given} gives IPv6 addresses alone; students and this computer reach machines by IPv4.\n"
            f'Set class_subnet_id in {_SETTINGS} to another, or to "" for a default one; then run again.'
        )
    raise LaunchError(
        f"There is no subnet {given} in {region}.\n"
        f'Set class_subnet_id in {_SETTINGS} to one of that region, or to "" for a default one; then run again.'
    )


def require_time_zone(name: str, known: Collection[str]) -> None:
    """Refuse a time zone that is none of those `known`; where none are, the machines are asked later."""
    if not known or name in known:
        return
    raise LaunchError(
        f"There is no time zone {name!r}. {nearest(name, known)}\n"
        f"Nothing was launched. Set class_time_zone in {_SETTINGS}, then run again."
    )


def refuse_type(instance_type: str, offered: Iterable[str], region: str) -> LaunchError:
    """Say that `region` offers no `instance_type`, and what comes nearest."""
    near = difflib.get_close_matches(instance_type, sorted(set(offered)), n=3, cutoff=0.6)
    hint = f"The nearest are {', '.join(near)}." if near else "m5.large and t3.large are in most regions."
    return LaunchError(
        f"Region {region} offers no instance type {instance_type}. {hint}\n"
        f"Set class_instance_type in {_SETTINGS}, then run again."
    )


@dataclass(frozen=True)
class QuotaUse:
    """How much of a quota is used by what is there, and needed by what is to come beside it, in `unit`."""

    code: str
    limit: float
    used: float
    needed: float
    by_default: bool = False  # whether `limit` is AWS's default, where that of the account is not known
    service: str = "ec2"
    unit: str = "vCPUs"

    @property
    def suffices(self) -> bool:
        """Tell whether there is room for all of it."""
        return self.used + self.needed <= self.limit

    def request(self, region: str) -> str:
        """Return the command that asks AWS for a quota that is enough."""
        return (
            f"aws service-quotas request-service-quota-increase --service-code {self.service} --quota-code {self.code} "
            f"--desired-value {math.ceil(self.used + self.needed)} --region {region}"
        )


def quota_use(
    wanted: Iterable[str],
    running: Iterable[str],
    vcpus: Mapping[str, int],
    quota: Quota,
    limit: float,
    *,
    by_default: bool = False,
) -> QuotaUse:
    """Count machines of the types `wanted`, and those `running`, against a quota of `limit` vCPUs."""
    needed = sum(vcpus[each] for each in wanted if quota_of(each) == quota)
    used = sum(vcpus.get(each, 0) for each in running if quota_of(each) == quota)
    return QuotaUse(quota.code, limit, used, needed, by_default)


def require_quota(use: QuotaUse, wanted: Sequence[str], region: str, *, launch: int) -> None:
    """Refuse to launch `launch` machines and start others, all of the types `wanted`, if a quota does not suffice."""
    if wanted and not use.suffices:
        default = " (AWS's default: that of the account is not known)" if use.by_default else ""
        done, instead = (
            ("launched", f"set a smaller class_instance_type in {_SETTINGS}")
            if launch
            else ("started", "start some alone (start.yml -e student=ada,grace)")  # their types are what they are
        )
        raise LaunchError(
            f"{len(wanted)} machines ({', '.join(sorted(set(wanted)))}) need {use.needed} vCPUs in {region}. "
            f"The account may run {use.limit:.0f} there{default}, and {use.used} run already.\n"
            f"Nothing was {done}. Stop other machines, {instead}, or ask AWS for more, which takes days (docs/aws.md, "
            "Quota); then run again:\n"
            f"{use.request(region)}"
        )


def storage_use(launch: int, disk_gb: int, standing_gb: int, limit: float, *, by_default: bool = False) -> QuotaUse:
    """Count `launch` disks of `disk_gb` GiB beside `standing_gb` GiB of gp3 against the quota of `limit` TiB."""
    used, needed = standing_gb / GIB_A_TIB, launch * disk_gb / GIB_A_TIB
    return QuotaUse(STORAGE.code, limit, used, needed, by_default, STORAGE.service, "TiB of gp3 disks")


def require_storage(use: QuotaUse, launch: int, disk_gb: int, region: str) -> None:
    """Refuse to launch machines for whose disks the account has no room: AWS would take the launch, and end them."""
    if launch and not use.suffices:
        default = " (AWS's default: that of the account is not known)" if use.by_default else ""
        raise LaunchError(
            f"{launch} disks of {disk_gb} GiB are {use.needed:.2f} TiB of gp3 in {region}. The account may have "
            f"{use.limit:g} there{default}, and {use.used:.2f} are there already, also of machines that stopped.\n"
            f"Nothing was launched. Remove disks that nobody needs, set a smaller class_disk_gb in {_SETTINGS}, or ask "
            "AWS for more, which takes days (docs/aws.md, Quota); then run again:\n"
            f"{use.request(region)}"
        )


def require_disk(disk_gb: int, image_gb: int, archives: int | None) -> None:
    """Refuse a disk on which the image, the environment (of `archives` bytes to download) or the work has no room."""
    environment = UNLOCKED_ENVIRONMENT_GB if archives is None else round(archives * UNPACKED / 1e9, 1)
    needed = max(image_gb, SYSTEM_GB + environment + ROOM_GB)
    if disk_gb < needed:
        raise LaunchError(
            f"class_disk_gb is {disk_gb}, but a machine needs {needed:g} GB: the system {SYSTEM_GB}, the environment "
            f"{environment:g}, students' work and data at least {ROOM_GB}; the image alone asks for {image_gb}.\n"
            f"Nothing was launched. Set class_disk_gb in {_SETTINGS}, then run again."
        )


def require_architecture(instance_type: str, supported: Iterable[str], image_id: str, architecture: str) -> None:
    """Refuse an image that was made for processors of another kind."""
    if architecture not in set(supported):
        raise LaunchError(
            f"{instance_type} runs {' and '.join(sorted(supported))}, but the image {image_id} is for {architecture}.\n"
            f"Set class_instance_type, or class_image_parameter or class_image_id, in {_SETTINGS}; then run again."
        )


def require_nitro(instance_type: str, hypervisor: str | None) -> None:
    """Refuse a type whose console, from which host keys are read, AWS shows late or never: all but Nitro."""
    if hypervisor == "xen":
        raise LaunchError(
            f"{instance_type} runs on Xen, where AWS shows the console of a machine late; its host keys are read from "
            "there.\n"
            f"Set class_instance_type in {_SETTINGS} to types on Nitro, such as m6a.large or t3a.large; then run again."
        )
