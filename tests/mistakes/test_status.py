"""A look at a class in trouble: said first, each with its command; and the page, where one is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.desk import Desk, Screen
    from tests.support.rooms import Rooms

SECRETS = {"password": "pass-word", "password_hash": "$6$hash", "token": "t0ken", "link_secret": "secret-of-a-link-00"}


def told(screen: Screen) -> str:
    """Return what a look says before the table; it has not failed, whatever it found."""
    assert screen.code == 0, screen.text
    return screen.text[screen.text.index("In trouble:") : screen.text.index("\nSEAT ")]


def test_trouble_is_said_first_and_the_page_says_the_same(desk: Desk, rooms: Rooms) -> None:
    """Nobody answers at ada's machine, grace has none, and who left has one that stopped."""
    for name in ("ada", "gone"):
        rooms.add(name)
    rooms.ec2.stop_instances(InstanceIds=rooms.ids[1:])
    state = desk.home / "class"
    told(desk.play("status.yml"))
    assert not state.exists()  # nothing is remembered of this class yet
    state.mkdir(mode=0o700)
    # With the address that the machine has, so that the link leads to it.
    (host,) = (each["PublicIpAddress"] for each in rooms.found() if each["InstanceId"] == rooms.ids[0])
    known = {"username": "ada", **SECRETS, "link_host": host}
    (state / "credentials.json").write_text(json.dumps({"ada@example.com": known}))
    (state / "credentials.json").chmod(0o600)
    shown = desk.play("status.yml")
    assert told(shown).startswith(
        "In trouble:\n"
        "  No answer over ssh: ada on ml101-001\n"
        "    Reboot it in the EC2 console, and Jupyter starts by itself. If it stays so:\n"
        "    ansible-playbook replace.yml -e student=ada\n"
        "  No machine yet: grace\n"
    )
    assert "retire.yml -e student=gone" in told(shown).partition("Not urgent:")[2]
    assert "in trouble: 2 · students: 3 · machines: 2 · running: 1" in shown.text
    page = state / "status.html"
    assert str(page) in shown.text
    assert page.stat().st_mode & 0o777 == 0o600
    assert "replace.yml -e student=ada" in page.read_text()
    assert host in page.read_text()
    told_of = page.read_text() + shown.text
    assert not [secret for secret in (*SECRETS.values(), f"https://{host}", "/open/") if secret in told_of]
    before = page.stat().st_mtime_ns
    for line in ("status.yml --check", "status.yml --limit ml101-001"):
        assert "No answer over ssh: ada" in told(desk.play(line))
    assert page.stat().st_mtime_ns == before
