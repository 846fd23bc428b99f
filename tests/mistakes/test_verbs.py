"""Verbs that take something away: whom they refuse, what they keep, and the words for it."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from lab.lateness import LATENESS
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

# Minutes together; a class on hosts has a teardown that keeps and names what is not safe.
pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "",
            "Who is meant? Name the student, or several with commas between:\nansible-playbook retire.yml -e",
        ),
        ("-e student=adda", "On no machine that is meant: adda."),
        ("-e student=ada", "Still in the roster: ada. Take the line out of it first"),
        ('-e student=mary -e {"class_abandon_work":["adda"]}', "class_abandon_work names adda, who sits on no machine"),
        ("-e student=mary -e class_snapshot_work=mary", "class_snapshot_work must be a list of usernames."),
    ],
)
def test_retire_refuses_whom_it_must_not_touch(desk: Desk, rooms: Rooms, given: str, words: str) -> None:
    rooms.add("ada")
    rooms.add("mary")
    assert words in desk.play(f"{HERE} retire.yml {given}").failure
    assert desk.aws.made == {"RunInstances"}


def test_retire_keeps_a_machine_that_cannot_be_reached_and_names_the_options(desk: Desk, rooms: Rooms) -> None:
    lost = rooms.add("mary")
    words = desk.play(f"{HERE} retire.yml -e student=mary").failure
    assert "ml101-001 (running; mary): it could not be reached, so its work was not collected" in words
    assert "Options: fix the problems above and run this again; or keep the whole disk as an EBS snapshot" in words
    assert rooms.state(lost) == "running"


def test_retire_gives_work_up_by_name_and_leaves_the_others_their_way_in(desk: Desk, rooms: Rooms) -> None:
    kept, lost = rooms.add("ada"), rooms.add("mary")
    given = f'{HERE} retire.yml -e student=mary -e {{"class_abandon_work":["mary"]}}'
    assert "1 machines of ml101 would be terminated" in desk.play(f"{given} --check").text
    assert rooms.state(lost) == "running"
    shown = desk.play(given)
    assert shown.code == 0, shown.text
    assert "Given up, as class_abandon_work says, although it is not all at home: mary" in shown.text
    assert (rooms.state(kept), rooms.state(lost)) == ("running", "terminated")
    assert not desk.aws.made & {"DeleteKeyPair", "DeleteSecurityGroup"}


def test_teardown_that_was_killed_once_the_machines_were_gone_goes_on(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    given = f'{HERE} teardown.yml -e class_confirm_teardown=ml101 -e {{"class_abandon_work":["ada"]}}'
    assert desk.play(f"{HERE} mail.yml").code == 0  # so that the class has known ada
    desk.play_until(lambda request: request.action == "TerminateInstances", 1, given)
    shown = desk.play(given)
    assert shown.code == 0, shown.text
    assert "Nothing is left that costs money." in shown.text
    adda = given.replace("ada", "adda")
    assert "class_abandon_work names adda, who sits on no machine" in desk.play(adda).failure


def test_teardown_waits_for_machines_that_still_hold_the_group(desk: Desk, rooms: Rooms) -> None:
    """As after one that was killed once it had asked AWS to end them."""
    tags: Any = [{"ResourceType": "security-group", "Tags": [{"Key": "Class", "Value": "ml101"}]}]
    rooms.ec2.create_security_group(GroupName="ml101", Description="ssh", TagSpecifications=tags)
    machine = rooms.add("", "ml101")
    LATENESS.set(ending_s=3600)
    rooms.ec2.terminate_instances(InstanceIds=[machine])

    def waited_for() -> bool:
        return sum(request.listed("InstanceId") == [machine] for request in desk.aws.requests) > 2

    def relent() -> None:
        while not waited_for() and not done.is_set():
            time.sleep(0.1)
        LATENESS.set()

    done = threading.Event()
    threading.Thread(target=relent).start()
    shown = desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101")
    done.set()
    assert shown.code == 0, shown.text
    assert f"Machines that are shutting down still hold the security group: {machine}." in " ".join(shown.text.split())
    assert "ml101" not in [group["GroupName"] for group in rooms.ec2.describe_security_groups()["SecurityGroups"]]


def test_teardown_says_which_machine_it_did_not_see_end(desk: Desk, rooms: Rooms) -> None:
    tags: Any = [{"ResourceType": "security-group", "Tags": [{"Key": "Class", "Value": "ml101"}]}]
    rooms.ec2.create_security_group(GroupName="ml101", Description="ssh", TagSpecifications=tags)
    machine = rooms.add("", "ml101")
    LATENESS.set(ending_s=3600)
    rooms.ec2.terminate_instances(InstanceIds=[machine])
    given = f"{HERE} teardown.yml -e class_confirm_teardown=ml101"
    assert desk.play(given, timeout=900, machines_timeout=6).failure == (
        f"AWS has not ended {machine} within 6 s.\n"
        "It was asked to, and what shuts down costs nothing. The security group stays with it.\n"
        "Run the same command again in some minutes: it goes on from here."
    )
    assert "ml101" in [group["GroupName"] for group in rooms.ec2.describe_security_groups()["SecurityGroups"]]
    LATENESS.set()
    shown = desk.play(given, timeout=900)
    assert shown.code == 0, shown.text
    assert "ml101" not in [group["GroupName"] for group in rooms.ec2.describe_security_groups()["SecurityGroups"]]


def test_a_group_that_something_else_holds_is_named(desk: Desk, rooms: Rooms) -> None:
    desk.aws.refuse("DeleteSecurityGroup", "DependencyViolation", "resource sg-0abc has a dependent object")
    tags: Any = [{"ResourceType": "security-group", "Tags": [{"Key": "Class", "Value": "ml101"}]}]
    rooms.ec2.create_security_group(GroupName="ml101", Description="ssh", TagSpecifications=tags)
    shown = desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101")
    assert shown.failure.startswith(
        "Something still uses what is to be removed (DependencyViolation): resource sg-0abc"
    )
    desk.aws.faults.clear()
    assert desk.play(f"{HERE} teardown.yml -e class_confirm_teardown=ml101").code == 0


def test_retire_keeps_a_whole_disk_instead(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    lost = rooms.add("mary")
    shown = desk.play(f'{HERE} retire.yml -e student=mary -e {{"class_snapshot_work":["mary"]}}')
    assert shown.code == 0, shown.text
    assert "Only on an EBS snapshot, which costs money until you delete it: snap-" in shown.text
    (snapshot,) = rooms.ec2.describe_snapshots(Filters=[{"Name": "tag:Class", "Values": ["ml101"]}])["Snapshots"]
    assert (snapshot["State"], snapshot["Description"]) == ("completed", "Work of mary, ml101-002")
    assert rooms.state(lost) == "terminated"
    assert os.path.exists(desk.home / "class/run.lock")


def test_stop_keeps_what_cannot_be_reached_and_stops_the_rest(desk: Desk, rooms: Rooms) -> None:
    lost, spare = rooms.add("ada"), rooms.add("")
    words = desk.play(f"{HERE} stop.yml").failure
    assert "These machines run on:\nml101-001 (running; ada): it could not be reached" in words
    assert "Options: " in words
    assert (rooms.state(lost), rooms.state(spare)) == ("running", "stopped")
    assert "On no machine that is meant: adda." in desk.play(f"{HERE} stop.yml -e student=adda").failure


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("replace.yml", "Who is meant? Name the student, or several with commas between:"),
        ("replace.yml -e student=adda", "On no machine that is meant: adda."),
        (
            "replace.yml -e student=ada",
            "Nothing was exchanged, for there is work that is not at home:\nml101-001 (running",
        ),
        ("start.yml -e student=adda", "On no machine that is meant: adda."),
        ("start.yml --limit localhost", "A machine that stopped is in no inventory, so --limit cannot name it."),
    ],
)
def test_replace_and_start_refuse_in_words_and_touch_nothing(desk: Desk, rooms: Rooms, line: str, words: str) -> None:
    rooms.add("ada")
    assert words in desk.play(f"{HERE} {line}").failure
    assert desk.aws.made == {"RunInstances"}


def test_provision_leaves_all_seats_as_they_are_where_only_some_machines_are_meant(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    shown = desk.play(f"{HERE} provision.yml --limit localhost")
    assert shown.code == 0, shown.text
    assert "Nothing to do for localhost: seats are given for the class as a whole" in shown.text
    assert desk.aws.made == {"RunInstances"}


def test_provision_makes_no_other_key_for_machines_that_one_opens(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    desk.aws.requests.clear()
    assert desk.play("provision.yml").failure == (
        f"The class has 1 machines, but its ssh key is gone:\n{desk.home}/class/ssh_key\n"
        f"Bring {desk.home}/class back from your backup: no other key opens these machines."
    )
    assert not desk.aws.made
    assert not (desk.home / "class/ssh_key").exists()
