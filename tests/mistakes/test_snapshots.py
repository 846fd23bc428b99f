"""Disks that were to be kept and were not: their machines stay, hold up no other, and are named at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.faults import MESSAGE, Fault
from tests.support.rooms import HERE
from tests.support.zone import DOMAIN, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

GIVEN = {"class_snapshot_work": ["ada", "mary", "joan"], "class_abandon_work": ["grace"], "machines_timeout": 5}
REFUSED, BUSY = "OperationNotPermitted", "ConcurrentSnapshotLimitExceeded"


@pytest.fixture
def zone(desk: Desk) -> Iterator[Zone]:
    """Return the zone of the class, with the names of four seats."""
    desk.settings |= {"class_access": ["https", "ssh"], "class_domain": DOMAIN}
    made = Zone(desk.aws)
    made.add_seats(*(f"ml101-{number:03d}" for number in range(1, 5)))
    yield made
    made.delete()


@pytest.fixture
def impaired(desk: Desk, rooms: Rooms) -> Rooms:
    """Return four machines, whose work cannot be collected; AWS does not stop ada's."""
    for name in ("ada", "grace", "mary", "joan"):
        rooms.add(name)
    desk.aws.faults.add(Fault("StopInstances", REFUSED, times=1000, seat="ml101-001"))
    return rooms


def described(rooms: Rooms) -> list[str]:
    """Return what the class's snapshots are said to hold."""
    found = rooms.ec2.describe_snapshots(Filters=[{"Name": "tag:Class", "Values": ["ml101"]}])["Snapshots"]
    return sorted(each["Description"] for each in found)


def check_named(screen: str, reason: str) -> None:
    """Make sure that the screen says why ada's and mary's machines stay, and what to do."""
    assert f"ml101-001 (ada): it did not stop, so there is no snapshot of its disk: {reason}" in screen, screen
    assert "ml101-003 (mary): there is no snapshot of its disk: Failed to create snapshot" in screen, screen
    assert "Run this again: only a machine with a snapshot of its disk goes." in screen, screen


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_teardown_ends_the_others(desk: Desk, impaired: Rooms, zone: Zone) -> None:
    hangs = impaired.ids[0]
    desk.aws.move(hangs, "stopping")
    desk.aws.faults.add(Fault("CreateSnapshot", BUSY))  # of mary's, which is the first
    shown = desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101", timeout=600, **GIVEN)
    assert shown.code == 2
    check_named(shown.text, "it is stopping")
    assert f"aws ec2 stop-instances --force --region us-east-1 --instance-ids {hangs}\n" in shown.text
    assert [impaired.state(machine) for machine in impaired.ids] == ["stopping", "terminated", "stopped", "terminated"]
    assert described(impaired) == ["Work of joan, ml101-004"]
    assert not desk.aws.made & {"DeleteKeyPair", "DeleteSecurityGroup"}
    assert zone.records == {}

    desk.aws.move(hangs, "stopped")  # by force
    desk.aws.faults.clear()
    left = {"class_snapshot_work": ["ada", "mary"], "class_abandon_work": []}
    shown = desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101", timeout=600, **GIVEN | left)
    assert shown.code == 0, shown.text
    assert described(impaired) == ["Work of ada, ml101-001", "Work of joan, ml101-004", "Work of mary, ml101-003"]
    assert {impaired.state(machine) for machine in impaired.ids} == {"terminated"}


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_stop_stops_the_others(desk: Desk, impaired: Rooms, zone: Zone) -> None:
    desk.aws.faults.add(Fault("CreateSnapshot", BUSY))
    shown = desk.play(f"{HERE} stop.yml", timeout=600, **GIVEN)
    assert shown.code == 2
    check_named(shown.text, f"{MESSAGE} ({REFUSED})")
    assert "These machines run on:\nml101-001" in shown.text
    assert "These have stopped:\nml101-003" in shown.text
    assert [impaired.state(machine) for machine in impaired.ids] == ["running", "stopped", "stopped", "stopped"]
    assert set(zone.records) == {(f"ml101-001.{DOMAIN}", "A")}


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_replace_exchanges_nothing_for_nobody_may_be_without_a_machine(desk: Desk, rooms: Rooms) -> None:
    assert desk.play(f"{HERE} provision.yml").code == 0
    rooms.ids += [machine["InstanceId"] for machine in rooms.found()]
    desk.aws.faults.add(Fault("StopInstances", REFUSED, times=1000, seat="ml101-001"))
    given = GIVEN | {"class_snapshot_work": ["ada"]}
    shown = desk.play(f"{HERE} replace.yml -e student=ada,grace", timeout=600, **given)
    rooms.ids = [machine["InstanceId"] for machine in rooms.found()]
    assert shown.failure.startswith(
        "Nothing was exchanged, for there is no snapshot of a disk with work that is not at home:\n"
        "ml101-001 (ada): it did not stop"
    )
    assert "TerminateInstances" not in desk.aws.made
    assert ("grace", "running") in rooms.seated()
