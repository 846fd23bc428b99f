"""Mail settings: which ones are refused before anything is launched, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.settings import Settings, mistakes_words

from lab.authority import Authority

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Settings(
    host="smtp.example.edu",
    port="587",
    ca_file="",
    username="ml101@example.edu",
    token_command="",
    sender="ML 101 <ml101@example.edu>",
    subject="Your machine",
)


def words(**changed: Any) -> str:
    """Return what is said of settings, but for the line above them all."""
    return mistakes_words(GOOD | changed).partition("\n")[2]  # type: ignore[arg-type]  # a dict of any; so short in a test


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"sender": "ml101@example.edu"},
        {"sender": '"Dr. Beispiel, ML 101" <ml101@example.com>'},
        {"sender": "Prof. Dr. Beispiel <ml101@example.com>"},
        {"sender": "Übung <ml101@example.com>"},
        {"host": "", "username": "", "sender": ""},
        {"host": "192.0.2.1", "port": "465"},
        {"host": "2001:db8::1"},
        {"username": ""},
        {"username": "ml101"},
        {"host": "email-smtp.eu-central-1.amazonaws.com", "username": "AKIAEXAMPLE"},
        {"host": "smtp.office365.com", "token_command": "print-token"},
    ],
)
def test_what_may_be_right_is_not_refused(changed: dict[str, Any]) -> None:
    assert words(**changed) == ""


@pytest.mark.parametrize("host", ["", "smtp.example.edu"])
def test_a_name_with_a_comma_is_refused_with_what_would_be_right(host: str) -> None:
    said = words(host=host, sender="Dr. Beispiel, ML 101 <ml101@example.com>")
    right = '"Dr. Beispiel, ML 101" <ml101@example.com>'
    assert said == (
        "class_mail_from is 'Dr. Beispiel, ML 101 <ml101@example.com>': a name with a comma has quotation marks: "
        f"'{right}'."
    )
    assert words(host=host, sender=right) == ""


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("Beispiel; ML 101", "a semicolon"),
        ("ML 101: Beispiel", "a colon"),
        ("ML @ Example", "an @"),
        ("[ML 101]", "brackets"),
    ],
)
def test_other_signs_in_a_name_are_refused_with_what_would_be_right(name: str, sign: str) -> None:
    right = f'"{name}" <ml101@example.com>'
    said = words(sender=f"{name} <ml101@example.com>")
    assert said.endswith(f": a name with {sign} has quotation marks: '{right}'.")
    assert words(sender=right) == ""


def test_what_nobody_sees_is_not_in_what_would_be_right() -> None:
    said = words(sender="ML\u200b 101 <ml101@example.com>")
    assert said.endswith(""": a name with such a sign has quotation marks: '"ML 101" <ml101@example.com>'.""")


@pytest.mark.parametrize(
    "sender",
    [
        "a@example.com, b@example.com",
        "ML 101",
        "ML 101 <ml101>",
        "ML 101 <ml101@example.com",
        "<>",
        "a b@example.com",
        "ä@example.com",
        "ML <ml101@example.com>\nBcc: eve@example.com",
        "ml101@",
        "Beispiel, Ada",
        "Class: ml101@example.com;",
        '"ML 101 <ml101@example.com>',
        "a@b@example.com",
        "a..b@example.com",
        "mailto:ml101@example.com",
        "ml101@example.com.",
        "None",
    ],
)
def test_a_sender_that_is_not_one_address_is_refused(sender: str) -> None:
    said = words(sender=sender)
    assert said == f"class_mail_from is {sender!r}: it takes one address, or a name and the address in <>: " + (
        "ML 101 <ml101@example.edu>."
    )
    assert "\n" not in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"host": "email-smtp.eu-central-1.amazonaws.com", "username": "AKIAEXAMPLE", "sender": "AKIAEXAMPLE"},
            "class_mail_from is 'AKIAEXAMPLE': it is the login, which is no address. Set it, for example to "
            "ML 101 <ml101@example.edu>.",
        ),
        ({"sender": ""}, "class_mail_from is empty. Set it, for example to ML 101 <ml101@example.edu>."),
        (
            {"host": "smtp.office365.com", "username": "ml101"},
            "class_smtp_username is 'ml101': with Microsoft 365 the login is the mailbox's whole address.",
        ),
        (
            {"host": "smtp.gmail.com", "username": "ml101"},
            "class_smtp_username is 'ml101': with Google the login is the mailbox's whole address.",
        ),
        (
            {"host": "smtp.gmail.com", "username": "ML <ml101@example.edu>"},
            "class_smtp_username is 'ML <ml101@example.edu>': with Google the login is the mailbox's whole address.",
        ),
        (
            {"host": "smtp.example.edu:587"},
            "class_smtp_host is 'smtp.example.edu:587': it takes the server's name alone, as smtp.example.edu.",
        ),
        (
            {"host": "smtps://smtp.example.edu"},
            "class_smtp_host is 'smtps://smtp.example.edu': it takes the server's name alone, as smtp.example.edu.",
        ),
        ({"port": "starttls"}, "class_smtp_port is 'starttls': it takes a number, 587 or 465 for mail."),
        ({"port": "", "host": ""}, "class_smtp_port is '': it takes a number, 587 or 465 for mail."),
        ({"port": "0"}, "class_smtp_port is 0: ports are from 1 to 65535, and 587 or 465 for mail."),
        (
            {"username": "", "token_command": "print-token"},
            "class_smtp_username is empty: class_smtp_token_command logs in to a mailbox, whose address goes there.",
        ),
        (
            {"sender": "ML 101 <ml101@ex\u00e4mple.com>"},
            "class_mail_from is 'ML 101 <ml101@ex\u00e4mple.com>': many mail servers take no '\u00e4' in an address. "
            "Write the form in ASCII, which begins with xn--.",
        ),
        ({"port": "993"}, "class_smtp_port is 993: from there mail is fetched. It is sent through 587 or 465."),
        (
            {"host": f"{'a' * 64}.example.edu"},
            f"class_smtp_host is '{'a' * 64}.example.edu': it takes the server's name alone, as smtp.example.edu.",
        ),
        (
            {"username": "ml101@example.edu\u00a0"},
            "class_smtp_username is 'ml101@example.edu\\xa0': it has a blank around it, or another character that "
            "nobody sees.",
        ),
        ({"subject": "Your\u2028machine"}, "class_mail_subject is more than one line: 'Your machine'."),
        (
            {"subject": "Your\x1b[2J machine"},
            "class_mail_subject is 'Your\\x1b[2J machine': it has a character in it that nobody sees.",
        ),
        ({"subject": "Your machine\nBcc: x"}, "class_mail_subject is more than one line: 'Your machine Bcc: x'."),
    ],
)
def test_each_mistake_is_named_with_its_setting(changed: dict[str, Any], said: str) -> None:
    assert words(**changed) == said


def test_the_file_of_an_authority_has_one(tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    assert words(ca_file=str(file)).startswith(f"class_smtp_ca_file: {file} holds no certificate of an authority (")
    file.write_text("-----BEGIN CERTIFICATE-----\n")
    assert words(ca_file=str(file)).startswith(f"class_smtp_ca_file: {file} holds no certificate of an authority (")
    file.write_bytes(Authority().certificate)
    assert words(ca_file=str(file)) == ""


def test_many_mistakes_are_five_lines() -> None:
    wrong = {"host": "a b", "port": "0", "username": "", "token_command": "t", "sender": "x", "subject": "\n"}
    said = mistakes_words(GOOD | wrong).splitlines()  # type: ignore[arg-type]  # a dict of any; so short in a test
    assert said[0] == "No letter could be sent with these settings (group_vars/all/class.yml):"
    assert said[-1] == "and 2 more"
    assert len(said) == 5
