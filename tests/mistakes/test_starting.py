"""Machines that AWS does not start: the others go on, and their students are named at the end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from lab.faults import Fault
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

STUDENTS = ("ada", "grace", "mary", "joan", "emmy", "rosa", "lise", "jane")
ROSTER = "name,email\n" + "".join(f"Student {name},{name}@example.com\n" for name in STUDENTS)
NO_CAPACITY = "AWS has no free machine of its type in its zone now (InsufficientInstanceCapacity)"
REFUSED = f"Not everybody has a running machine:\nml101-002 (grace), ml101-007 (lise): {NO_CAPACITY}"


@pytest.fixture
def stopped(desk: Desk, rooms: Rooms) -> Rooms:
    """Return eight machines that stopped, two of which AWS does not start."""
    desk.roster = ROSTER
    for name in STUDENTS:
        rooms.add(name)
    rooms.ec2.stop_instances(InstanceIds=rooms.ids)
    for seat in ("ml101-002", "ml101-007"):
        desk.aws.faults.add(Fault("StartInstances", "InsufficientInstanceCapacity", times=1000, seat=seat))
    return rooms


def running(rooms: Rooms) -> list[bool]:
    """Return of each machine whether it runs."""
    return [rooms.state(machine) == "running" for machine in rooms.ids]


ALL_BUT_TWO = [name not in ("grace", "lise") for name in STUDENTS]


def test_start_goes_on_with_those_that_started_and_names_the_others_last(desk: Desk, stopped: Rooms) -> None:
    desk.aws.requests.clear()
    shown = desk.play(f"{HERE} start.yml")
    assert running(stopped) == ALL_BUT_TWO
    assert shown.failure.startswith(REFUSED)
    assert "Who had a seat keeps it, with all work." in shown.failure
    assert "ansible-playbook start.yml" in shown.failure
    assert "launched" not in shown.failure
    # After the table of the class.
    assert shown.text.index("ml101-008") < shown.text.index("Not everybody has a running machine")
    asked = [request.listed("InstanceId") for request in desk.aws.requests if request.action == "StartInstances"]
    assert len(set(map(tuple, asked))) <= 11  # without those that came too fast
    desk.aws.faults.clear()
    assert desk.play(f"{HERE} start.yml").code == 0
    assert all(running(stopped))


def test_provision_goes_on_with_those_that_started(desk: Desk, stopped: Rooms) -> None:
    (desk.home / "class").mkdir(mode=0o700)
    key = desk.home / "class/ssh_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    shown = desk.play(f"{HERE} provision.yml")
    assert running(stopped) == ALL_BUT_TWO
    assert shown.failure.startswith(REFUSED)
    assert [stopped.students(machine) for machine in stopped.ids] == [*STUDENTS]
    known = (desk.home / "class/known_hosts").read_text()
    assert [f"ml101-{number:03d} " in known for number in range(1, 9)] == ALL_BUT_TWO
    # What follows in the same command goes on with the others, and says it at its end.
    following = desk.home / "configure.yml"
    following.write_text("- hosts: localhost\n  tasks: [{ansible.builtin.debug: {msg: The others are configured.}}]\n")
    shown = desk.play(f"{HERE} provision.yml {following}")
    assert shown.code == 0, shown.text
    assert "The others are configured." in shown.text
    assert REFUSED.partition("\n")[2] in shown.text


def test_teardown_says_why_work_could_not_be_collected(desk: Desk, stopped: Rooms) -> None:
    failure = desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101").text
    assert f"ml101-002 (stopped; grace): it did not start, so its work was not collected: {NO_CAPACITY}" in failure
    given = '{"class_abandon_work":["grace","lise"]}'
    desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101 -e {given}")
    assert [stopped.state(machine) == "terminated" for machine in stopped.ids] == [not runs for runs in ALL_BUT_TWO]


@pytest.mark.usefixtures("stopped")
def test_replace_and_retire_say_why_work_could_not_be_collected(desk: Desk) -> None:
    said = f"ml101-002 (stopped; grace): it did not start, so its work was not collected: {NO_CAPACITY}"
    assert said in desk.play(f"{HERE} replace.yml -e student=grace").failure
    desk.roster = ROSTER.replace("Student grace,grace@example.com\n", "")
    (desk.home / "students.csv").unlink()
    assert said in desk.play(f"{HERE} retire.yml -e student=grace").failure
    assert "TerminateInstances" not in desk.aws.made


def test_what_concerns_all_machines_fails_at_once(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    rooms.ec2.stop_instances(InstanceIds=rooms.ids)
    desk.aws.requests.clear()
    desk.aws.refuse("StartInstances", "UnauthorizedOperation")
    assert desk.play(f"{HERE} start.yml").failure.startswith("AWS does not permit StartInstances to these credentials")
    assert sum(request.action == "StartInstances" for request in desk.aws.requests) == 1


def test_a_new_account_s_quota_is_told_before_anything_is_made(desk: Desk) -> None:
    desk.roster = ROSTER
    desk.aws.set_quota("L-1216C47A", 5)  # AWS's default
    try:
        words = desk.play(f"{HERE} provision.yml").failure
    finally:
        desk.aws.set_quota("L-1216C47A", 64)
    assert "need 16 vCPUs in us-east-1. The account may run 5 there, and 0 run already." in words
    assert "RunInstances" not in desk.aws.made
