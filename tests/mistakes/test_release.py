"""Verbs that stop, replace or end machines: each goes by what is known of that very machine, as it is by then."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lab.faults import Fault
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.api_request import ApiRequest
    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

# Minutes together; on hosts, classes with work are torn down and machines exchanged.
pytestmark = pytest.mark.long

TEARDOWN = "teardown.yml -e class_confirm_teardown=ml101"


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Return a computer to which work comes home in its own folder."""
    desk.settings["class_work_home"] = str(desk.home / "daily_user")
    return desk


def rest(desk: Desk, rooms: Rooms, machine: str, student: str) -> None:
    """Let a machine be stopped, with all work of its student at home: there was none."""
    rooms.ec2.stop_instances(InstanceIds=[machine])
    (launched,) = [each["LaunchTime"] for each in rooms.found() if each["InstanceId"] == machine]
    record = desk.home / f"daily_user/.at-rest/{machine}.json"
    for folder in (record.parent.parent, record.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    record.write_text(json.dumps({"since": launched.isoformat(), "versions": {student: ""}}))


@contextmanager
def colleague(desk: Desk, rooms: Rooms, machine: str, after: Callable[[ApiRequest], bool]) -> Iterator[None]:
    """Somebody starts a machine in the EC2 console, after such a request of this computer."""
    done = threading.Event()

    def start() -> None:
        while not any(map(after, desk.aws.requests)):
            if done.wait(0.1):
                return
        done.wait(1)  # until it is answered
        rooms.ec2.start_instances(InstanceIds=[machine])

    desk.aws.forget()
    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def lists_the_class(request: ApiRequest) -> bool:
    """Tell whether a request looks up the machines of the class."""
    return request.action == "DescribeInstances" and "Filter.1.Name" in request.parameters


def test_a_machine_whose_work_is_at_home_ends(desk: Desk, rooms: Rooms) -> None:
    rest(desk, rooms, rooms.add("ada"), "ada")
    shown = desk.play(f"{HERE} {TEARDOWN}")
    assert shown.code == 0, shown.text
    assert "StartInstances" not in desk.aws.made
    assert rooms.found() == []


def test_what_came_home_from_a_machine_does_not_end_its_copy(desk: Desk, rooms: Rooms) -> None:
    """As after "Launch more like this" in the EC2 console, which copies the tags; by hand, somebody worked on it."""
    first = rooms.add("ada")
    copy = rooms.add("ada", seat="ml101-001")
    rest(desk, rooms, first, "ada")
    rooms.ec2.stop_instances(InstanceIds=[copy])
    desk.aws.faults.add(Fault("StartInstances", "InsufficientInstanceCapacity", times=1000, seat="ml101-001"))
    words = desk.play(f"{HERE} {TEARDOWN}").failure
    assert rooms.state(copy) == "stopped"
    both = " and ".join(sorted([first, copy]))
    assert words.count(f"ml101-001 (stopped; ada): {both} bear this Name, so nobody knows whose work came home") == 2
    rooms.ec2.create_tags(Resources=[copy], Tags=[{"Key": "Name", "Value": "ml101-009"}])
    desk.aws.faults.clear()
    desk.aws.faults.add(Fault("StartInstances", "InsufficientInstanceCapacity", times=1000, seat="ml101-009"))
    words = desk.play(f"{HERE} {TEARDOWN}").failure
    assert "ml101-009 (stopped; ada): it did not start, so its work was not collected" in words
    assert (rooms.state(first), rooms.state(copy)) == ("terminated", "stopped")


@pytest.mark.parametrize(
    "line", [TEARDOWN, "retire.yml -e student=mary", "replace.yml -e student=mary", "stop.yml -e student=mary"]
)
def test_machines_of_one_name_stay_whatever_is_given_up(desk: Desk, rooms: Rooms, line: str) -> None:
    first = rooms.add("mary")
    second = rooms.add("mary", seat="ml101-001")
    words = desk.play(f'{HERE} {line} -e {{"class_abandon_work":["mary"]}}').failure
    both = " and ".join(sorted([first, second]))
    assert words.count(f"ml101-001 (running; mary): {both} bear this Name, so nobody knows whose work came home") == 2
    assert "give one another in the EC2 console, then run this again" in words
    assert {rooms.state(machine) for machine in rooms.ids} == {"running"}


@pytest.mark.parametrize("line", [TEARDOWN, "replace.yml -e student=ada"])
def test_a_machine_that_somebody_starts_after_the_look_up_stays(desk: Desk, rooms: Rooms, line: str) -> None:
    """As in the console of EC2, while teardown.yml waits for the name of the class."""
    machine = rooms.add("ada")
    rest(desk, rooms, machine, "ada")
    with colleague(desk, rooms, machine, after=lists_the_class):
        words = desk.play(f"{HERE} {line}").failure
    assert "ml101-001 (running; ada): it was started while this ran, so its work was not collected" in words
    assert rooms.state(machine) == "running"


def test_a_machine_that_somebody_starts_while_a_disk_is_copied_stays(desk: Desk, rooms: Rooms) -> None:
    machine, copied = rooms.add("ada"), rooms.add("grace")
    rest(desk, rooms, machine, "ada")
    with colleague(desk, rooms, machine, after=lambda request: request.action == "CreateSnapshot"):
        words = desk.play(f'{HERE} {TEARDOWN} -e {{"class_snapshot_work":["grace"]}}').failure
    assert "ml101-001 (ada): it was started while this ran, so nobody knows what is on it now" in words
    assert (rooms.state(machine), rooms.state(copied)) == ("running", "terminated")


@pytest.mark.parametrize(
    ("line", "student"),
    [(TEARDOWN, "ada"), ("retire.yml -e student=mary", "mary"), ("replace.yml -e student=ada", "ada")],
)
def test_check_mode_foresees_that_a_machine_would_start(desk: Desk, rooms: Rooms, line: str, student: str) -> None:
    (desk.home / "class").mkdir(mode=0o700)
    key = desk.home / "class/ssh_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    rooms.add(student)
    rooms.ec2.stop_instances(InstanceIds=rooms.ids)
    shown = desk.play(f"{HERE} {line} --check")
    assert shown.code == 0, shown.text
    assert f"Would be started first, to bring home what is on them: ml101-001 (stopped; {student})." in shown.text
    assert "1 machines of ml101 would be terminated" in shown.text
    assert desk.aws.made == {"RunInstances", "StopInstances"}
