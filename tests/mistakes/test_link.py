"""A link, password or token that leaked: whom the command refuses, what it keeps, and what it does not do twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.rooms import HERE

if TYPE_CHECKING:
    from tests.support.desk import Desk, Screen
    from tests.support.rooms import Rooms

SECRET = ("password", "password_hash", "token")
LINK = ("link_secret", "link_host")
"""What comes as soon as the machine has an address."""
TOKEN = "link.yml -e student=ada -e renew=token"


def kept(desk: Desk) -> dict[str, dict[str, Any]]:
    """Return what is kept of each student, by username."""
    known = json.loads((desk.home / "class/credentials.json").read_text())
    return {each["username"]: each for each in known.values()}


def renewed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return what is another now, or was not there before."""
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def has_no_secret(screen: Screen, *credentials: dict[str, Any]) -> bool:
    """Say whether none of these is on the screen."""
    return not [each[key] for each in credentials for key in SECRET if each[key] in screen.text]


@pytest.fixture
def stopped(desk: Desk, rooms: Rooms) -> Rooms:
    """Return the machines of ada and grace, off, and that of mary, who left; all three have been told."""
    for name in ("ada", "grace", "mary"):
        rooms.add(name)
    rooms.ec2.stop_instances(InstanceIds=rooms.ids)
    assert desk.play(f"{HERE} mail.yml").code == 0
    return rooms


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "",
            "Who is meant? Name the student, or several with commas between:\nansible-playbook link.yml -e student=ada",
        ),
        ("-e student=adda", "On no machine that is meant: adda."),
        ("-e student=mary", "Not in the roster any more: mary. Nothing is renewed; this ends their way in:\nansible-"),
        ("-e student=ada -e renew=pasword", "pasword cannot be renewed; link, password, token can, one or several"),
        ("-e student=ada", "ada has no link: in a class with https it is made when the machine is configured."),
    ],
)
def test_whom_or_what_it_cannot_mean_it_refuses_and_renews_nothing(desk: Desk, given: str, words: str) -> None:
    before = (desk.home / "class/credentials.json").stat().st_mtime_ns
    assert words in desk.play(f"{HERE} link.yml {given}").failure
    assert (desk.home / "class/credentials.json").stat().st_mtime_ns == before


@pytest.mark.usefixtures("stopped")
def test_for_a_machine_that_is_off_it_is_kept_and_said_so(desk: Desk) -> None:
    before, letter = kept(desk), desk.home / "class/letters/ada.eml"
    line = f"{HERE} link.yml -e student=ada -e renew=password,token"
    promised = desk.play(f"{line} --check")
    assert promised.code == 0, promised.text
    assert kept(desk) == before
    shown = desk.play(line)
    after = kept(desk)
    assert shown.code == 0, shown.text
    for screen in (promised, shown):
        assert "ml101-001 (ada): does not run. What is new is kept here; start.yml gives it" in screen.text
    assert renewed(before["ada"], after["ada"]) == {*SECRET}
    assert after["grace"] == before["grace"]
    assert not letter.exists()
    assert has_no_secret(shown, before["ada"], after["ada"])
    desk.play(line)  # asked once more, it is another renewal
    assert renewed(after["ada"], kept(desk)["ada"]) == {*SECRET}


def test_a_machine_that_lost_its_name_is_not_reached_and_told_from_one_that_is_off(desk: Desk, stopped: Rooms) -> None:
    stopped.ec2.delete_tags(Resources=stopped.ids[:1], Tags=[{"Key": "Name"}])
    before = kept(desk)
    shown = desk.play(f"{HERE} link.yml -e student=ada,grace -e renew=token")
    assert f"{stopped.ids[0]} (ada): has no tag Name, so it was not reached, and what was before still" in shown.failure
    assert "ml101-002 (grace): does not run. What is new is kept here; start.yml gives it" in shown.text
    for name in ("ada", "grace"):
        assert renewed(before[name], kept(desk)[name]) == {"token", "renewed"}


@pytest.mark.long  # it waits for a machine, twice
def test_what_is_not_on_the_machine_yet_is_not_made_again(desk: Desk, stopped: Rooms) -> None:
    """Nobody answers at the machine, as where a run was killed before it came there."""
    stopped.ec2.start_instances(InstanceIds=stopped.ids[:1])
    before = kept(desk)
    shown = desk.play(TOKEN)
    first = kept(desk)
    assert shown.failures[-1].startswith(
        "Kept here, but not yet on the machine of ada, where what was before still opens everything. Fix the problems"
    )
    assert "ml101-001  ada" in shown.text
    assert renewed(before["ada"], first["ada"]) == {"token", "renewed", *LINK}
    assert has_no_secret(shown, before["ada"], first["ada"])
    assert desk.play(TOKEN).code != 0
    assert kept(desk) == first
    # Another command gives it to the machine; what is asked for after that is another renewal.
    stopped.ec2.stop_instances(InstanceIds=stopped.ids[:1])
    assert desk.play(f"{HERE} mail.yml").code == 0
    assert renewed(first["ada"], kept(desk)["ada"]) == {"renewed"}
    assert desk.play(f"{HERE} {TOKEN}").code == 0
    assert renewed(first["ada"], kept(desk)["ada"]) == {"token", "renewed"}
