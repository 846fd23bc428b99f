"""Letters: readable, correctly addressed, and sent again only when they no longer hold."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import (
    access_digest,
    eml,
    letter_due,
    mailbox,
)

STUDENT: dict[str, Any] = {
    "username": "ada",
    "email": "ada@example.com",
    "port": 8888,
    "password": "abcd-efgh-jkmn",
    "token": "t",
}
NAMES = ["Émile Exemple", "Beispiel, Ada", 'Ada "the first" Beispiel', "{{ 7 * 7 }}", "山田"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_reaches_its_address(name: str) -> None:
    assert parseaddr(str(default.header_factory("To", mailbox(name, "ada@example.com"))))[1] == "ada@example.com"


@pytest.mark.parametrize("name", NAMES)
def test_an_eml_file_is_a_draft_that_people_can_read(name: str) -> None:
    body = "Dear " + name + ",\n\nssh " + "x" * 200 + "\n"
    text = eml(body, sender="Course <course@example.org>", name=name, email="ada@example.com", subject="Größe")
    message = message_from_bytes(text.encode(), policy=default)
    assert message["To"].addresses[0].display_name == name
    assert message["To"].addresses[0].addr_spec == "ada@example.com"
    assert message["Subject"] == "Größe"
    assert message["X-Unsent"] == "1"
    assert message.get_content() == body
    assert "ssh " + "x" * 200 in text.splitlines()


def test_a_letter_without_a_sender_can_be_written() -> None:
    assert "From" not in message_from_bytes(eml("x", sender="", name="A", email="a@example.com", subject="s").encode())


def test_a_letter_is_due_until_it_was_accepted_and_when_a_fact_changes() -> None:
    digest = access_digest(STUDENT, "ml-001", "192.0.2.1")
    receipt = json.dumps({"digest": digest})
    assert letter_due("", digest)
    assert not letter_due(receipt, digest)
    for changed in (
        access_digest(STUDENT, "ml-001", "192.0.2.2"),
        access_digest(STUDENT, "ml-002", "192.0.2.1"),
        access_digest(STUDENT | {"token": "u"}, "ml-001", "192.0.2.1"),
        access_digest(STUDENT | {"port": 8889}, "ml-001", "192.0.2.1"),
    ):
        assert letter_due(receipt, changed)
