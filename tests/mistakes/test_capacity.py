"""Launches for which EC2 has not enough machines: what can be had elsewhere is, and who is without is named."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from lab.capacity import CAPACITY, Pool
from lab.faults import BOOT, Fault
from lab.lateness import LATENESS
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

STUDENTS = ("ada", "emmy", "grace", "joan", "lise")
ROSTER = "name,email\n" + "".join(f"Student {name},{name}@example.com\n" for name in STUDENTS)

KILLED = "The run before this one ended while it launched machines."


@pytest.fixture
def room(desk: Desk, rooms: Rooms) -> Iterator[Rooms]:
    """Return the room of a class of five, for whom nothing is launched yet; empty again afterwards."""
    desk.roster = ROSTER
    yield rooms
    rooms.ids += [machine["InstanceId"] for machine in rooms.found()]


@pytest.mark.long
def test_another_zone_helps_where_one_is_empty(desk: Desk, room: Rooms) -> None:
    CAPACITY.limit(Pool(0, zone="us-east-1a"))
    shown = desk.play(f"{HERE} provision.yml")
    assert shown.code == 0, shown.text
    assert room.seated() == [(name, "running") for name in STUDENTS]
    assert {machine["InstanceType"] for machine in room.found()} == {"m6a.large"}
    assert "us-east-1a" not in {machine["Placement"]["AvailabilityZone"] for machine in room.found()}
    assert all(machine.get("PublicIpAddress") for machine in room.found())
    asked = [machine["MetadataOptions"] for machine in room.found()]  # without a word, the image would allow two hops
    assert {(each["HttpTokens"], each["HttpPutResponseHopLimit"]) for each in asked} == {("required", 1)}
    assert "changed=0 " in desk.play(f"{HERE} provision.yml").text


@pytest.mark.long
def test_the_next_types_help_where_all_zones_lack_the_first(desk: Desk, room: Rooms) -> None:
    CAPACITY.limit(Pool(0, instance_type="m6a.large"))
    CAPACITY.limit(Pool(2, instance_type="m5.large"))
    shown = desk.play(f"{HERE} provision.yml")
    assert shown.code == 0, shown.text
    kinds = Counter(machine["InstanceType"] for machine in room.found())
    assert kinds == {"m5.large": 2, "t3a.large": 3}
    launches = [request.parameters for request in desk.aws.requests if request.action == "RunInstances"]
    credits_of = {each["InstanceType"]: each.get("CreditSpecification.CpuCredits") for each in launches}
    assert credits_of == {"m6a.large": None, "m5.large": None, "t3a.large": "standard"}
    assert all(each["NetworkInterface.1.AssociatePublicIpAddress"] == "true" for each in launches)


def test_who_is_without_is_named_and_the_others_have_their_machines(desk: Desk, room: Rooms) -> None:
    CAPACITY.limit(Pool(3))
    shown = desk.play(f"{HERE} provision.yml")
    assert shown.failure.startswith(
        "Not everybody has a running machine:\n"
        "no machine for joan, lise: AWS has no more m6a.large and no more m5.large and no more t3a.large in us-east-1a"
    )
    assert room.seated() == [(name, "running") for name in STUDENTS[:3]]
    CAPACITY.clear()
    shown = desk.play(f"{HERE} provision.yml")
    assert shown.code == 0, shown.text
    assert KILLED not in " ".join(shown.text.split())  # EC2 said what it launched, so there is nothing to wait for
    assert room.seated() == [(name, "running") for name in STUDENTS]


@pytest.mark.long
def test_no_machine_is_let_go_before_there_is_another(desk: Desk, room: Rooms) -> None:
    desk.roster = "name,email\nStudent ada,ada@example.com\n"
    assert desk.play(f"{HERE} provision.yml").code == 0
    CAPACITY.limit(Pool(0))
    shown = desk.play(f'{HERE} replace.yml -e student=ada -e {{"class_abandon_work":["ada"]}}')
    assert "There is no other machine yet, so the old ones stay as they are:\nAWS has no more" in shown.failure
    assert room.seated() == [("ada", "running")]
    CAPACITY.clear()
    desk.aws.faults.add(Fault(BOOT, "Client.VolumeLimitExceeded"))
    shown = desk.play(f'{HERE} replace.yml -e student=ada -e {{"class_abandon_work":["ada"]}}')
    assert "it is terminated, the account may not have so much disk" in shown.failure
    assert room.seated() == [("ada", "running")]
    assert "TerminateInstances" not in desk.aws.made


@pytest.mark.long
def test_another_class_s_machines_are_not_waited_for(desk: Desk, room: Rooms) -> None:
    assert desk.play(f"{HERE} provision.yml", class_name="other").code == 0
    others = room.ec2.describe_instances(Filters=[{"Name": "tag:Class", "Values": ["other"]}])["Reservations"]
    room.ids += [machine["InstanceId"] for reservation in others for machine in reservation["Instances"]]
    (desk.home / "class").rename(desk.home / "other")
    assert desk.play(f"{HERE} provision.yml", machines_timeout=10).code == 0
    assert room.seated() == [(name, "running") for name in STUDENTS]


def test_who_is_without_a_machine_that_ended_at_once_is_named_with_the_reason(desk: Desk, room: Rooms) -> None:
    desk.aws.faults.add(Fault(BOOT, "Client.InternalError", times=2))
    shown = desk.play(f"{HERE} provision.yml")
    named = shown.failure.splitlines()
    assert named[0] == "Not everybody has a running machine:"
    assert "(spare): it is terminated, as a rule because the KMS key that encrypts its disk may not be used" in named[1]
    assert named[2] == "no machine for joan, lise: what was launched for them has ended"
    assert room.seated() == [(name, "running") for name in STUDENTS[:3]]
    assert desk.play(f"{HERE} provision.yml").code == 0
    assert room.seated() == [(name, "running") for name in STUDENTS]


@pytest.mark.long
def test_what_ec2_shows_late_is_not_launched_twice(desk: Desk, room: Rooms) -> None:
    LATENESS.set(launch_s=5)
    shown = desk.play(f"{HERE} provision.yml")
    assert shown.code == 0, shown.text
    LATENESS.set()
    assert room.seated() == [(name, "running") for name in STUDENTS]
    assert "changed=0 " in desk.play(f"{HERE} provision.yml").text


@pytest.mark.long
def test_nobody_gets_a_second_machine_after_a_run_that_was_killed_in_its_launch(desk: Desk, room: Rooms) -> None:
    LATENESS.set(launch_s=3600)
    desk.play_until(lambda request: request.action == "RunInstances", 1, f"{HERE} provision.yml")
    desk.aws.requests.clear()

    def relent() -> None:
        """Have EC2 list what was launched once the next run has looked for it twice."""
        while sum(request.action == "DescribeInstances" for request in desk.aws.requests) < 2 and not done.is_set():
            time.sleep(0.1)
        LATENESS.set()

    done = threading.Event()
    threading.Thread(target=relent).start()
    # On a busy computer it may begin late.
    shown = desk.play(f"{HERE} provision.yml", timeout=900, __machines_unlisted_s=600)
    done.set()
    assert shown.code == 0, shown.text
    assert KILLED in " ".join(shown.text.split())
    assert room.seated() == [(name, "running") for name in STUDENTS]
    assert KILLED not in " ".join(desk.play(f"{HERE} provision.yml", timeout=900).text.split())
