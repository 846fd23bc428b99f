"""What counts as left over, how much of what AWS sells it is, and by which command it goes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import Region
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.resources import (
    Home,
    Leftover,
    leftovers,
)

HERE, ELSEWHERE = "us-east-1", "eu-west-1"
HOME = Home("ml101", HERE)
USD = {
    "t3a.large hour": "0.1",
    "IPv4 address hour": "0.005",
    "idle IPv4 address hour": "0.006",
    "gp3 GB-month": "0.08",
    "gp2 GB-month": "0.1",
    "snapshot GB-month": "0.05",
}


def tagged(**tags: str) -> dict[str, Any]:
    """Return the tags of something, as EC2 has them; none at all if there are none."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def machine(id_: str, state: str, /, *, address: str = "", **tags: str) -> dict[str, Any]:
    """Return a machine as EC2 describes it."""
    public = {"PublicIpAddress": address} if address else {}
    return {"InstanceId": id_, "InstanceType": "t3a.large", "State": {"Name": state}, **public, **tagged(**tags)}


def disk(id_: str, /, *, of: str = "", size: int = 30, kind: str = "gp3", **more: Any) -> dict[str, Any]:
    """Return a disk as EC2 describes it, attached to the machine that it is `of`."""
    attached = [{"InstanceId": of}] if of else []
    described = {"VolumeId": id_, "Size": size, "VolumeType": kind, "State": "in-use" if of else "available"}
    return {**described, "Attachments": attached, **more}


def snapshot(id_: str, /, *, size: int = 10, **more: Any) -> dict[str, Any]:
    """Return a snapshot as EC2 describes it."""
    return {"SnapshotId": id_, "VolumeSize": size, "StartTime": datetime(2026, 3, 2, tzinfo=UTC), **more}


def image(id_: str, /, *snapshots: str, **tags: str) -> dict[str, Any]:
    """Return an image as EC2 describes it."""
    disks = [{"Ebs": {"SnapshotId": each}} for each in snapshots]
    return {"ImageId": id_, "Name": "baked", "BlockDeviceMappings": disks, **tagged(**tags)}


def found(region: str = HERE, **things: Any) -> list[Leftover]:
    """Return what is left over in a region that has these."""
    return leftovers(Region(region, **things), HOME)


def cents(thing: Leftover) -> str:
    """Return what it costs a month; empty if that is not known."""
    usd = thing.usd_a_month(
        {product: Price(Decimal(USD[product.name]), date(2026, 3, 2)) for product, _ in thing.amounts}
    )
    return "" if usd is None else f"{usd:.2f}"


def test_machines_of_a_class_are_told_together_with_their_disks_also_those_without_tags() -> None:
    first, second = (
        machine("i-1", "stopped", Class="ml101", Name="ml101-001"),
        machine("i-2", "stopping", Class="ml101"),
    )
    (together,) = found(machines=[first, second], disks=[disk("vol-1", of="i-1"), disk("vol-2", of="i-2", size=8)])
    assert together.what == "2 machines, stopped, with 38 GiB of disk: i-2, ml101-001"
    assert (together.command, cents(together)) == ("ansible-playbook teardown.yml", "3.04")


def test_what_runs_costs_its_hours_and_its_address_too() -> None:
    runs, stopped = (
        machine("i-1", "running", address="192.0.2.1", Class="ml101"),
        machine("i-2", "stopped", Class="ml101"),
    )
    of_stopped, of_running = found(machines=[runs, stopped], disks=[disk("vol-1", of="i-1")])
    assert of_running.what == "1 machine, running, with 30 GiB of disk: i-1"
    assert (cents(of_running), cents(of_stopped)) == ("79.05", "0.00")  # 730 h at 0.105, 30 GiB at 0.08


@pytest.mark.parametrize(
    ("region", "tags", "command"),
    [
        (ELSEWHERE, {"Class": "ml101"}, f"aws ec2 terminate-instances --instance-ids i-1 i-2 --region {ELSEWHERE}"),
        (HERE, {"Class": "ml102"}, f"aws ec2 terminate-instances --instance-ids i-1 i-2 --region {HERE}"),
        (HERE, {"BakedBy": "ml101"}, "ansible-playbook bake.yml -e bake_remove=true"),
        (HERE, {"BakedBy": "ml102"}, f"aws ec2 terminate-instances --instance-ids i-1 i-2 --region {HERE}"),
    ],
)
def test_only_what_is_the_class_s_own_goes_by_its_own_commands(region: str, tags: dict[str, str], command: str) -> None:
    both = [machine(id_, "stopped", **tags) for id_ in ("i-2", "i-1")]
    (together,) = found(region, machines=both)
    assert (together.command, together.class_name) == (command, next(iter(tags.values())))


def test_what_is_on_its_way_out_is_not_left_over() -> None:
    ending = [machine("i-1", "shutting-down", Class="ml101"), machine("i-2", "terminated", Class="ml101")]
    disks = [disk("vol-1", of="i-1", **tagged(Class="ml101")), disk("vol-2", State="deleting", **tagged(Class="ml101"))]
    assert found(machines=ending, disks=disks) == []


def test_disks_of_no_machine_of_a_class() -> None:
    alone, anybody = disk("vol-1", **tagged(Class="ml101")), disk("vol-3")
    attached = disk("vol-2", of="i-9", kind="gp2", **tagged(Class="ml101"))
    first, second = found(disks=[alone, attached, anybody])
    assert (first.what, cents(first)) == ("disk vol-1, 30 GiB, attached to nothing", "2.40")
    assert first.command == "aws ec2 delete-volume --volume-id vol-1 --region us-east-1"
    assert (second.what, cents(second)) == ("disk vol-2, 30 GiB, attached to i-9", "3.00")
    assert second.command == (
        "aws ec2 detach-volume --volume-id vol-2 --region us-east-1 && "
        "aws ec2 wait volume-available --volume-ids vol-2 --region us-east-1 && "
        "aws ec2 delete-volume --volume-id vol-2 --region us-east-1"
    )


@pytest.mark.parametrize(
    ("kind", "more", "known"),
    [
        ("gp3", {"Iops": 3000, "Throughput": 125}, True),
        ("gp3", {"Iops": 3001, "Throughput": 125}, False),
        ("gp3", {"Iops": 3000, "Throughput": 126}, False),
        ("gp2", {"Iops": 100}, True),
        ("io2", {"Iops": 100}, False),
    ],
)
def test_a_disk_whose_iops_cost_by_themselves_has_no_price_by_its_size(
    kind: str, more: dict[str, Any], known: bool
) -> None:
    (left,) = found(disks=[disk("vol-1", kind=kind, **more, **tagged(Class="ml101"))])
    assert bool(left.unpriced) is not known
    if not known:
        assert left.usd_a_month({product: Price(Decimal(1), date(2026, 3, 2)) for product, _ in left.amounts}) is None
        assert "vol-1 has IOPS or throughput that cost by themselves" in left.unpriced


def test_an_image_costs_its_snapshots_which_are_told_with_it() -> None:
    parts = [snapshot("snap-1", **tagged(BakedBy="ml101")), snapshot("snap-2", FullSnapshotSizeInBytes=2 * 2**30)]
    baked = image("ami-1", "snap-1", "snap-2", BakedBy="ml101")
    (here,) = found(images=[baked], snapshots=parts)
    assert (here.what, cents(here)) == ("image baked (ami-1), snapshots of 12 GiB", "0.60")
    assert here.at_most
    assert here.command == "ansible-playbook bake.yml -e bake_remove=true"
    (elsewhere,) = found(ELSEWHERE, images=[baked], snapshots=parts)
    assert elsewhere.command == (
        "aws ec2 deregister-image --image-id ami-1 --region eu-west-1 && "
        "aws ec2 delete-snapshot --snapshot-id snap-1 --region eu-west-1 && "
        "aws ec2 delete-snapshot --snapshot-id snap-2 --region eu-west-1"
    )
    (own,) = found(images=[image("ami-2", "snap-2", Class="ml101")], snapshots=parts[1:])
    assert own.command.startswith("aws ec2 deregister-image --image-id ami-2")


def test_an_image_belongs_to_whom_its_snapshots_do() -> None:
    (left,) = found(images=[image("ami-1", "snap-1")], snapshots=[snapshot("snap-1", **tagged(Class="ml102"))])
    assert left.class_name == "ml102"


def test_snapshots_without_any_tag_are_apart_and_those_with_others_are_somebody_else_s() -> None:
    kept = snapshot("snap-1", **tagged(Class="ml101", Name="work  of\nada"))
    bare, theirs = snapshot("snap-2", Description="by hand"), snapshot("snap-3", **tagged(Project="other"))
    in_image = snapshot("snap-4")
    named = image("ami-2", "snap-5", Name="somebody's")
    ours, of_image, anybody = found(
        images=[image("ami-1", "snap-4"), named], snapshots=[kept, bare, theirs, in_image, snapshot("snap-5")]
    )[1:] + found(images=[image("ami-1", "snap-4")], snapshots=[in_image])
    assert [each.class_name for each in (ours, of_image, anybody)] == ["ml101", "", ""]
    assert ours.what == "snapshot snap-1 of 2026-03-02, 10 GiB: work of ada"
    assert ours.command == "aws ec2 delete-snapshot --snapshot-id snap-1 --region us-east-1"
    assert of_image.what == "snapshot snap-2 of 2026-03-02, 10 GiB: by hand"
    assert anybody.what == "image baked (ami-1), snapshots of 10 GiB"


def test_an_archived_snapshot_has_a_price_that_is_not_known_here() -> None:
    (left,) = found(snapshots=[snapshot("snap-1", StorageTier="archive", **tagged(Class="ml101"))])
    assert (cents(left), left.unpriced) == ("", "snap-1 is archived")


def test_an_address_costs_by_itself_and_is_not_told_twice() -> None:
    idle = {"PublicIp": "192.0.2.1", "AllocationId": "eipalloc-1", **tagged(Class="ml101")}
    used = idle | {"PublicIp": "192.0.2.2", "AllocationId": "eipalloc-2", "AssociationId": "eipassoc-2"}
    used |= {"InstanceId": "i-1"}
    runs = machine("i-1", "running", address="192.0.2.2", Class="ml101")
    of_machine, first, second = found(machines=[runs], addresses=[idle, used])
    assert cents(of_machine) == "73.00"
    assert (first.what, cents(first)) == ("address 192.0.2.1, used by nothing", "4.38")
    assert first.command == "aws ec2 release-address --allocation-id eipalloc-1 --region us-east-1"
    assert (second.what, cents(second)) == ("address 192.0.2.2, used by i-1", "3.65")
    assert second.command == (
        "aws ec2 disassociate-address --association-id eipassoc-2 --region us-east-1 && "
        "aws ec2 release-address --allocation-id eipalloc-2 --region us-east-1"
    )


def test_a_price_that_is_not_known_makes_the_whole_unknown_with_the_reason() -> None:
    (left,) = found(machines=[machine("i-1", "running", Class="ml101")], disks=[disk("vol-1", of="i-1")])
    unknown = {product: Price(None, date(2026, 3, 2), "nobody says") for product, _ in left.amounts[:1]}
    known = {product: Price(Decimal(1), date(2026, 3, 2)) for product, _ in left.amounts[1:]}
    assert left.usd_a_month(unknown | known) is None
    assert left.unknown(unknown | known) == ["nobody says"]


def test_of_many_machines_some_are_named() -> None:
    many = [machine(f"i-{number}", "stopped", Class="ml101") for number in range(10)]
    (left,) = found(machines=many)
    assert left.what.startswith("10 machines, stopped, ")
    assert left.what.endswith("i-7 and 2 more")
