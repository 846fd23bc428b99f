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
    addressees,
    eml,
    letter_due,
    letter_variables,
    mailbox,
    read_eml,
    refused_words,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.links import link_hosts

STUDENT: dict[str, Any] = {
    "username": "ada",
    "email": "ada@example.com",
    "port": 8888,
    "password": "abcd-efgh-jkmn",
    "token": "t",
    "https_link": "",
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


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_what_was_kept(name: str) -> None:
    body = f"Dear {name},\n\nssh {'x' * 200}\n"
    draft = eml(body, sender="", name=name, email="ada@example.com", subject="Größe")
    assert read_eml(draft.encode()) == {"to": [mailbox(name, "ada@example.com")], "subject": "Größe", "body": body}


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
        access_digest(STUDENT | {"https_link": "https://192.0.2.1/open/s"}, "ml-001", "192.0.2.1"),
    ):
        assert letter_due(receipt, changed)


def test_the_students_of_all_machines_who_have_an_account_are_addressed_with_their_seat() -> None:
    machine = {
        "inventory_hostname": "ml-001",
        "ansible_host": "192.0.2.1",
        "aws_ec2_tags": {"Students": "ada - eve mary"},
    }
    spare = {"inventory_hostname": "ml-002", "ansible_host": "192.0.2.2", "aws_ec2_tags": {"Students": ""}}
    known = {"ada": {"email": "ada@example.com"}, "mary": {"email": "mary@example.com"}}
    where = {"seat": "ml-001", "address": "192.0.2.1", "https_link": "", "https_trouble": ""}
    assert addressees([machine, spare], known) == [
        {"username": name, "port": port, "email": f"{name}@example.com", **where}
        for name, port in (("ada", 8888), ("mary", 8891))
    ]
    uncertified = machine | {"front_state": {"certificate_until": "", "certificate_trouble": "come back later"}}
    refused = "it has no certificate: the authority refused it: 'come back later'."
    assert {student["https_trouble"] for student in addressees([uncertified], known)} == {refused}
    refusing = machine | {"student_given": {"refused": ["ada"]}}
    assert [student["username"] for student in addressees([refusing], known)] == ["mary"]


def test_a_letter_has_the_link_to_where_the_machine_is_now_and_no_other() -> None:
    machine = {"inventory_hostname": "ml-001", "ansible_host": "192.0.2.1", "aws_ec2_tags": {"Students": "ada"}}
    machine["aws_instance_id"] = "i-1"
    known = {"ada": {"link_host": "192.0.2.1", "link_secret": "s3cret"}}
    for hosts, link in (
        (link_hosts([machine], "", "[]", 1), "https://192.0.2.1/open/s3cret"),
        ({"ada": "192.0.2.2"}, ""),
        ({}, ""),
    ):
        assert [student["https_link"] for student in addressees([machine], known, hosts)] == [link]


def test_a_page_that_stays_is_the_link_once_there_is_a_machine() -> None:
    machine = {"inventory_hostname": "ml-001", "ansible_host": "192.0.2.1", "aws_ec2_tags": {"Students": "ada"}}
    machine["aws_instance_id"] = "i-1"
    page = "https://ml-pages-0123456789abcdef.s3.amazonaws.com/made-up"
    known = {"ada": {"link_host": "192.0.2.1", "link_secret": "s3cret", "stable_link": page}}
    for hosts, link in ((link_hosts([machine], "", "[]", 1), page), ({"ada": "192.0.2.2"}, ""), ({}, "")):
        assert [student["https_link"] for student in addressees([machine], known, hosts)] == [link]


def test_the_way_out_of_narrow_networks_is_shown_where_there_is_one() -> None:
    student = STUDENT | {"seat": "ml-001", "address": "192.0.2.1"}
    assert letter_variables(student, "", [])["tunnel"] == ""
    assert letter_variables(student, "", [22])["tunnel_443"] == ""
    assert letter_variables(student, "", [22, 443])["tunnel_443"].startswith("ssh -p 443 -o ExitOnForwardFailure=yes ")


def test_what_was_not_accepted_is_told_in_five_lines_at_most() -> None:
    letters = [{"username": f"s{number}", "email": f"s{number}@example.com"} for number in range(9)]
    same = {letter["username"]: "it does not answer" for letter in letters[:2]}
    assert refused_words(letters, same).splitlines() == [
        "The letters to s0 (s0@example.com), s1 (s1@example.com) were not accepted:",
        "it does not answer",
        "Mend class_smtp_… in group_vars/all/class.yml or the address in the roster, then run mail.yml.",
    ]
    three = refused_words(letters, {"s2": "no\n one", "s3": "full", "s4": "full", "s5": "x" * 999}).splitlines()
    assert three[1:3] == ["s2: no one", "s3, s4: full"]
    assert (len(three), max(map(len, three))) == (5, len("s5: ") + 300)
    many = refused_words(
        letters, {letter["username"]: f"reason {letter['username']}" for letter in letters}
    ).splitlines()
    assert many[1:-1] == ["s0: reason s0", "s1: reason s1", "and for 7 more reasons"]
