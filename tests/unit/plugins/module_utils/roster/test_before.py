"""A class of the version before keeps its usernames under the rules of this one.

before.json has rosters, and what that version (584f89a) called their students: it took every one of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    complete,
    make_credential,
    usernames,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.roster import parse_roster

CLASSES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("before.json").read_text())


@pytest.mark.parametrize("old", CLASSES, ids=lambda old: old["roster"].split("\n")[0])
def test_its_roster_is_read_again_and_nobody_gets_another_username(old: dict[str, Any]) -> None:
    kept = {email.casefold(): make_credential(username) for email, username in old["usernames"].items()}
    roster = parse_roster("students.csv", old["roster"].encode(), usernames(kept))
    students = [{"email": student.email, "username": student.username} for student in roster.students]
    assert {student["email"]: student["username"] for student in students} == old["usernames"]
    assert complete(kept, students) == (kept, [])
    assert roster.notes == []


def test_only_where_a_login_is_a_wish_or_the_machine_has_the_name_it_would_be_another_today() -> None:
    """So the test above is about something."""
    changed = {
        email: (username, now.get(email))
        for old in CLASSES
        for now in [{s.email: s.username for s in parse_roster("x", old["roster"].encode()).students}]
        for email, username in old["usernames"].items()
        if now.get(email) != username
    }
    assert changed == {
        "ada@example.com": ("ada", "abeispie"),
        "tom@example.com": ("tom", None),  # staff
        "docker@example.com": ("docker", "sdocker"),
        "clock@example.com": ("clock", "sclock"),
    }


def test_an_address_that_changed_keeps_its_username_too() -> None:
    kept = {"ada@example.com": make_credential("lovelace")}
    moved = usernames(kept, {"Ada@example.com": "ada.b@example.org"})
    (ada,) = parse_roster("students.csv", b"name,email\nAda Beispiel,ada.b@example.org\n", moved).students
    assert ada.username == "lovelace"
