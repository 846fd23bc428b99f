"""How often provision.yml asks AWS, whose answers come one after the other and are rationed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.rooms import HERE, Rooms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk

pytestmark = pytest.mark.long

STUDENTS = ["ada", "carl", "emmy", "grace", "joan", "lise"]
LAUNCHED = 4
# Of those that are made for each machine; its console is asked until it shows the key.
MOST_FOR_A_MACHINE = 6
MOST_WITH_NOTHING_TO_DO = 12


@pytest.fixture
def room(desk: Desk) -> Iterator[Rooms]:
    """Return the class's machines, which are gone afterwards."""
    made = Rooms(desk)
    yield made
    made.ec2.terminate_instances(InstanceIds=[machine["InstanceId"] for machine in made.found()])


def write(desk: Desk, students: list[str]) -> None:
    """Let these be the students."""
    rows = "".join(f"Student {name},{name}@example.com\n" for name in students)
    (desk.home / "students.csv").write_text(f"name,email\n{rows}")


def asked(desk: Desk, inventory: str = HERE) -> Counter[str]:
    """Run provision.yml and count what it asks, without consoles."""
    desk.aws.forget()
    shown = desk.play(f"{inventory} provision.yml")
    assert shown.code == 0, shown.text
    return Counter(each.action for each in desk.aws.requests if each.action != "GetConsoleOutput")


def test_few_for_each_machine_and_hardly_any_where_there_is_nothing_to_do(desk: Desk, room: Rooms) -> None:
    write(desk, STUDENTS[:1])
    one = asked(desk)
    write(desk, STUDENTS[: 1 + LAUNCHED])
    more = asked(desk)
    nothing = asked(desk, inventory="-i inventory")  # which asks, too
    assert sum((more - one).values()) <= (LAUNCHED - 1) * MOST_FOR_A_MACHINE, more - one
    assert not any(action.startswith(("Modify", "Import", "Delete", "Create")) for action in nothing)
    assert sum(nothing.values()) <= MOST_WITH_NOTHING_TO_DO, nothing
    assert len(room.seated()) == 1 + LAUNCHED


def test_what_follows_in_the_same_command_sees_the_machines_as_they_are_by_then(desk: Desk, room: Rooms) -> None:
    """The inventory is asked again only where it would tell something else; launched or started, a machine is new."""
    addresses = "{{ groups.machines | map('extract', hostvars) | map(attribute='ansible_host') }}"
    task = {"name": "Show them", "ansible.builtin.debug": {"msg": f"Here: {addresses}"}}
    show = desk.home / "show.yml"
    show.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
    write(desk, STUDENTS[:1])
    for _ in ("launched", "started"):
        shown = desk.play(f"-i inventory provision.yml {show}")
        (machine,) = room.found()
        assert f"Here: ['{machine['PublicIpAddress']}']" in shown.text, shown.text
        room.ec2.stop_instances(InstanceIds=[machine["InstanceId"]])


def test_another_key_under_the_name_of_the_class_gives_way_to_its_own(desk: Desk, room: Rooms) -> None:
    write(desk, STUDENTS[:1])
    asked(desk)
    (own,) = room.ec2.describe_key_pairs(KeyNames=["ml101"], IncludePublicKey=True)["KeyPairs"]
    room.ec2.delete_key_pair(KeyName="ml101")
    room.ec2.create_key_pair(KeyName="ml101", KeyType="ed25519")
    assert "changed=2" in desk.play(f"{HERE} provision.yml --check").text
    asked(desk)
    # Nothing under another name, which a run that is killed would leave behind.
    named = {
        each.parameters["KeyName"] for each in desk.aws.requests if each.action in ("ImportKeyPair", "DeleteKeyPair")
    }
    assert named == {"ml101"}
    (now,) = room.ec2.describe_key_pairs(KeyNames=["ml101"], IncludePublicKey=True)["KeyPairs"]
    assert now["PublicKey"].split()[:2] == own["PublicKey"].split()[:2]
