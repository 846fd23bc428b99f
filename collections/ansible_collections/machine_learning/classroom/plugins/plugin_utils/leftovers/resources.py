"""What is left over of classes and costs money: how much of what AWS sells it is, and the command that removes it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import (
    HOURS_A_MONTH,
    Product,
    address_hour,
    disk_month,
    machine_hour,
    snapshot_month,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import (
    BAKED_BY,
    CLASS,
    Region,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price

STANDING = ("pending", "running", "stopping", "stopped")
# So much every disk of the type gp3 has; more costs more.
GP3_IOPS, GP3_THROUGHPUT = 3000, 125
_DISKS_WITHOUT_IOPS = ("gp2", "st1", "sc1", "standard")
_MOST_NAMES = 8
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Leftover:
    """Something that costs money for as long as it is there."""

    region: str
    class_name: str  # empty: it has no tags at all, and may be anybody's
    what: str
    # What AWS sells, and how much of it a month.
    amounts: tuple[tuple[Product, Decimal], ...]
    command: str
    # Whether it costs less if it holds less than it could.
    at_most: bool = False
    # Why it costs more than these amounts; then its price is not known.
    unpriced: str = ""

    def usd_a_month(self, prices: Mapping[Product, Price]) -> Decimal | None:
        """Return what it costs, in USD; None if that is not known."""
        known = [(prices[product].usd, amount) for product, amount in self.amounts]
        if self.unpriced or any(usd is None for usd, _ in known):
            return None
        return sum((usd * amount for usd, amount in known if usd is not None), Decimal(0))

    def unknown(self, prices: Mapping[Product, Price]) -> list[str]:
        """Say why its price is not known; nothing if it is."""
        reasons = [self.unpriced, *(prices[product].unknown for product, _ in self.amounts)]
        return [reason for reason in reasons if reason]


@dataclass(frozen=True)
class Home:
    """The class whose command it is, which has commands of its own for what is left of it."""

    class_name: str
    region: str


def leftovers(region: Region, home: Home) -> list[Leftover]:
    """Return what costs money in a region: first what a class's tags name, then snapshots that have no tags."""
    found = _Found(region, home)
    return [*found.machines(), *found.disks(), *found.images(), *found.snapshots(), *found.addresses()]


class _Found:
    """What there is in a region, put together."""

    def __init__(self, region: Region, home: Home) -> None:
        self._region, self._home = region, home
        standing = {each["InstanceId"]: each for each in region.machines if each["State"]["Name"] in STANDING}
        self._standing = standing
        self._ending = {each["InstanceId"] for each in region.machines} - standing.keys()
        self._snapshots = {each["SnapshotId"]: each for each in region.snapshots}
        self._in_images = {id_ for image in region.images for id_ in _snapshots_of(image)}

    def machines(self) -> Iterator[Leftover]:
        """Yield machines, those of a class together that run, or do not."""
        groups: dict[tuple[str, bool, bool], list[Any]] = defaultdict(list)
        for machine in self._standing.values():
            runs = machine["State"]["Name"] in ("pending", "running")
            groups[_class_of(machine), CLASS in _tags(machine), runs].append(machine)
        for (class_name, seated, runs), machines in sorted(groups.items()):
            ids = sorted(machine["InstanceId"] for machine in machines)
            disks = [disk for disk in self._region.disks if _machine_of(disk) in ids]
            names = sorted(_tags(machine).get("Name") or machine["InstanceId"] for machine in machines)
            of = (
                ""
                if seated
                else " that was to become an image"
                if len(machines) == 1
                else " that were to become images"
            )
            what = (
                f"{len(machines)} machine{'' if len(machines) == 1 else 's'}{of}, {'running' if runs else 'stopped'}, "
                f"with {sum(disk['Size'] for disk in disks)} GiB of disk: {_listed(names)}"
            )
            running = [amount for machine in machines if runs for amount in self._running(machine)]
            own = "ansible-playbook teardown.yml" if seated else "ansible-playbook bake.yml -e bake_remove=true"
            command = self._own(class_name, own) or self._aws(f"terminate-instances --instance-ids {' '.join(ids)}")
            amounts = (*running, *((self._disk_product(disk), Decimal(disk["Size"])) for disk in disks))
            unpriced = next((why for disk in disks if (why := _unpriced(disk))), "")
            yield Leftover(self._region.name, class_name, what, amounts, command, unpriced=unpriced)

    def disks(self) -> Iterator[Leftover]:
        """Yield disks that are those of no machine above."""
        for disk in self._region.disks:
            machine = _machine_of(disk)
            going = disk["State"] in ("deleting", "deleted") or machine in self._ending
            if going or machine in self._standing or not _class_of(disk):
                continue
            id_ = disk["VolumeId"]
            delete = self._aws(f"delete-volume --volume-id {id_}")
            detach = f"detach-volume --volume-id {id_}", f"wait volume-available --volume-ids {id_}"
            yield Leftover(
                self._region.name,
                _class_of(disk),
                f"disk {id_}, {disk['Size']} GiB, attached to {machine or 'nothing'}",
                ((self._disk_product(disk), Decimal(disk["Size"])),),
                " && ".join([*map(self._aws, detach), delete]) if machine else delete,
                unpriced=_unpriced(disk),
            )

    def images(self) -> Iterator[Leftover]:
        """Yield images, each with its snapshots, which are what costs money."""
        for image in self._region.images:
            ids = _snapshots_of(image)
            parts = [self._snapshots[id_] for id_ in ids if id_ in self._snapshots]
            class_name = next(filter(None, map(_class_of, [image, *parts])), "")
            if not parts or not (class_name or not any(map(_tags, [image, *parts]))):
                continue
            remove = (
                f"deregister-image --image-id {image['ImageId']}",
                *(f"delete-snapshot --snapshot-id {id_}" for id_ in ids),
            )
            own = "" if CLASS in _tags(image) else "ansible-playbook bake.yml -e bake_remove=true"
            yield Leftover(
                self._region.name,
                class_name,
                f"image {image['Name']} ({image['ImageId']}), snapshots of {sum(map(_gib, parts)):.0f} GiB",
                tuple((snapshot_month(self._region.name), _gib(part)) for part in parts),
                self._own(class_name, own) or " && ".join(map(self._aws, remove)),
                at_most=True,
                unpriced=next((why for part in parts if (why := _archived(part))), ""),
            )

    def snapshots(self) -> Iterator[Leftover]:
        """Yield snapshots that are in no image."""
        for snapshot in self._region.snapshots:
            id_, tags = snapshot["SnapshotId"], _tags(snapshot)
            if id_ in self._in_images or not (_class_of(snapshot) or not tags):
                continue
            name = " ".join((tags.get("Name") or snapshot.get("Description") or "").split())[:_LONGEST_NAME]
            yield Leftover(
                self._region.name,
                _class_of(snapshot),
                f"snapshot {id_} of {snapshot['StartTime']:%Y-%m-%d}, {_gib(snapshot):.0f} GiB"
                + (f": {name}" if name else ""),
                ((snapshot_month(self._region.name), _gib(snapshot)),),
                self._aws(f"delete-snapshot --snapshot-id {id_}"),
                at_most=True,
                unpriced=_archived(snapshot),
            )

    def addresses(self) -> Iterator[Leftover]:
        """Yield addresses that stay whatever becomes of the machines."""
        for address in self._region.addresses:
            association = address.get("AssociationId") or ""
            used_by = address.get("InstanceId") or address.get("NetworkInterfaceId")
            release = self._aws(f"release-address --allocation-id {address['AllocationId']}")
            free = self._aws(f"disassociate-address --association-id {association}")
            yield Leftover(
                self._region.name,
                _class_of(address),
                f"address {address['PublicIp']}, used by {used_by or 'nothing'}",
                ((address_hour(self._region.name, idle=not association), Decimal(HOURS_A_MONTH)),),
                f"{free} && {release}" if association else release,
            )

    def _running(self, machine: Any) -> Iterator[tuple[Product, Decimal]]:
        """Yield what a machine costs only while it runs; its address not if that is listed by itself."""
        name = self._region.name
        yield machine_hour(machine["InstanceType"], name), Decimal(HOURS_A_MONTH)
        kept = {address["PublicIp"] for address in self._region.addresses}
        if machine.get("PublicIpAddress") and machine["PublicIpAddress"] not in kept:
            yield address_hour(name), Decimal(HOURS_A_MONTH)

    def _disk_product(self, disk: Any) -> Product:
        return disk_month(self._region.name, disk["VolumeType"])

    def _own(self, class_name: str, command: str) -> str:
        """Return the class's own command, if this is its class and region."""
        return command if Home(class_name, self._region.name) == self._home else ""

    def _aws(self, command: str) -> str:
        return f"aws ec2 {command} --region {self._region.name}"


def _tags(thing: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}


def _class_of(thing: Any) -> str:
    """Return the class that the tags name; a tag without a value is one, too."""
    tags = _tags(thing)
    return next((tags[key] or "(without a name)" for key in (CLASS, BAKED_BY) if key in tags), "")


def _machine_of(disk: Any) -> str:
    """Return the machine to which a disk is attached; empty if to none."""
    return next((str(each["InstanceId"]) for each in disk.get("Attachments", []) if each.get("InstanceId")), "")


def _snapshots_of(image: Any) -> list[str]:
    disks = [disk.get("Ebs", {}) for disk in image.get("BlockDeviceMappings", [])]
    return [disk["SnapshotId"] for disk in disks if disk.get("SnapshotId")]


def _gib(snapshot: Any) -> Decimal:
    """Return how much a snapshot holds at most, in GiB: its blocks as AWS counts them, or all of its disk."""
    return Decimal(snapshot.get("FullSnapshotSizeInBytes") or snapshot["VolumeSize"] * 2**30) / 2**30


def _unpriced(disk: Any) -> str:
    """Say why a disk costs more than its GiB; nothing if it does not."""
    kind, iops, throughput = disk["VolumeType"], disk.get("Iops") or 0, disk.get("Throughput") or 0
    plain = iops <= GP3_IOPS and throughput <= GP3_THROUGHPUT if kind == "gp3" else kind in _DISKS_WITHOUT_IOPS
    return "" if plain else f"{disk['VolumeId']} has IOPS or throughput that cost by themselves"


def _archived(snapshot: Any) -> str:
    """Say why a snapshot has another price; nothing if it has not."""
    return f"{snapshot['SnapshotId']} is archived" if snapshot.get("StorageTier") == "archive" else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
