"""The connection to the mail server: to the right one or to none, and what is said of each way in which it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail import submission
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.submission import (
    Refusal,
    Submission,
    access_token,
)

from tests.support.mail_module import send_by_the_module_alone
from tests.support.mail_server import SENDER, MailServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USER, PASSWORD = "class", "never-to-be-printed"
LETTER = b"Subject: Hello\r\n\r\n.\r\nDear Ada\r\n"
NOT_SENT = "Neither password nor letter was sent."


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., MailServer]]:
    """Return what makes mail servers; afterwards they answer no more."""
    made: list[MailServer] = []

    def make(**kind: Any) -> MailServer:
        made.append(MailServer(tmp_path / str(len(made)), **kind))
        return made[-1]

    yield make
    for server in made:
        server.close()


def to(server: MailServer, **more: Any) -> Submission:
    """Return a connection to a server by somebody who knows its authority and a password."""
    known = {"ca_file": str(server.ca_file), "username": USER, "password": PASSWORD}
    return Submission("127.0.0.1", server.port, **{**known, **more})


def refusal(connection: Submission, student: str = "ada") -> Refusal:
    """Return why a letter was not taken."""
    with pytest.raises(Refusal) as refused:
        connection.send(SENDER, f"{student}@example.com", LETTER)
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)
    return refused.value


def words(refused: Refusal, server: MailServer) -> str:
    """Return what is said, without the port."""
    assert refused.everybodys
    assert not refused.again
    return str(refused).replace(f":{server.port}", "")


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_letters_go_through_one_encrypted_connection(make: Callable[..., MailServer], security: str) -> None:
    server = make(logins={USER: PASSWORD}, security=security)
    connection = to(server, security=security)
    for student in ("ada", "grace"):
        connection.send(SENDER, f"{student}@example.com", LETTER)
    connection.close()
    assert server.addresses == ["ada@example.com", "grace@example.com"]
    assert (server.connections, server.seen) == (1, [PASSWORD])
    assert server.letters[0][1].get_content().splitlines() == [".", "Dear Ada"]


def test_who_stands_in_between_sees_no_password(make: Callable[..., MailServer]) -> None:
    right = make(logins={USER: PASSWORD})
    unknown = "unable to get local issuer certificate"
    own = "If it is an authority of your university's own, name its certificate in class_smtp_ca_file."
    for kind, ca_file, why in (
        ({}, right.ca_file, f"did not prove that it is 127.0.0.1: {unknown}. {NOT_SENT} {own}"),
        ({}, "", f"did not prove that it is 127.0.0.1: {unknown}. {NOT_SENT} {own}"),
        ({"names": ["mail.example.org"]}, None, "IP address mismatch, certificate is not valid for '127.0.0.1'. "),
        ({"days": -1}, None, f"did not prove that it is 127.0.0.1: certificate has expired. {NOT_SENT}"),
        ({"security": "none"}, None, f"127.0.0.1 offers no encryption (STARTTLS). {NOT_SENT}"),
    ):
        attacker = make(logins={USER: PASSWORD}, **kind)
        connection = to(attacker, ca_file=str(attacker.ca_file if ca_file is None else ca_file))
        assert why in words(refusal(connection), attacker)
        assert (attacker.seen, attacker.letters) == ([], [])


@pytest.mark.timeout(120)
def test_the_module_alone_would_tell_it_the_password(make: Callable[..., MailServer]) -> None:
    attacker = make(logins={USER: PASSWORD}, names=["mail.example.org"], days=-1)
    login = {"secure": "starttls", "username": USER, "password": PASSWORD}
    assert send_by_the_module_alone(attacker.port, "ada@example.com", **login) == 0
    assert attacker.seen == [PASSWORD]


def test_the_wrong_port_is_named(make: Callable[..., MailServer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "ANSWER_S", 1)
    encrypted = make(security="implicit")
    assert words(refusal(to(encrypted)), encrypted) == (
        "127.0.0.1 answers, but not as a mail server with STARTTLS: Connection unexpectedly closed: timed out. "
        f"{NOT_SENT} One that wants TLS from the first byte has port 465."
    )
    plain = make()
    assert words(refusal(to(plain, security="implicit")), plain) == (
        f"127.0.0.1 does not speak TLS: WRONG_VERSION_NUMBER. {NOT_SENT} With port 587 it may."
    )
    nobody = Submission("127.0.0.1", 1)
    assert str(refusal(nobody)) == "127.0.0.1:1 does not answer: [Errno 111] Connection refused"


def test_a_wrong_login_is_named(make: Callable[..., MailServer]) -> None:
    server = make(logins={USER: "another"})
    assert words(refusal(to(server)), server).startswith("127.0.0.1 refuses the login class: 535 5.7.8 ")
    assert words(refusal(to(server, username="")), server).endswith(f"from {SENDER}: 530 5.7.0 Authentication required")
    assert words(refusal(to(server, password="")), server) == (
        "class_smtp_username is set, but no password: export CLASS_SMTP_PASSWORD=…, then run it again."
    )
    assert words(refusal(to(server, password="Schlüssel")), server) == (
        "class_smtp_username or class_smtp_password has characters other than ASCII, which cannot be sent."
    )
    assert words(refusal(to(server, token_command="echo t")), server) == ("127.0.0.1 takes no access tokens (XOAUTH2).")
    with_tokens = make(tokens={USER: {"t"}})
    assert words(refusal(to(with_tokens)), with_tokens) == (
        "127.0.0.1 takes no passwords as class_smtp_password; ways to log in there: XOAUTH2."
    )


def test_a_file_without_an_authority_is_named(make: Callable[..., MailServer], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "absent.pem"):
        said = str(refusal(to(make(), ca_file=str(tmp_path / name))))
        assert said.startswith(f"class_smtp_ca_file: {tmp_path / name} holds no certificate of an authority (")


def test_a_refused_recipient_or_one_put_off_is_nobody_elses_affair(make: Callable[..., MailServer]) -> None:
    server = make(
        logins={USER: PASSWORD},
        refuses={"ada@example.com": "550 no such mailbox"},
        puts_off={"grace@example.com": ["450 try later"]},
    )
    connection = to(server)
    refused = refusal(connection)
    assert (str(refused), refused.again, refused.everybodys) == (
        "127.0.0.1 takes no letter to ada@example.com: 550 no such mailbox",
        False,
        False,
    )
    put_off = refusal(connection, "grace")
    assert (put_off.again, put_off.everybodys) == (True, False)
    connection.send(SENDER, "grace@example.com", LETTER)
    server.refuses = {}
    server.answers = ["432 too many", "554 looks like spam", "421 closing"]
    too_many, spam, closing = (refusal(connection) for _ in range(3))
    assert (too_many.again, too_many.everybodys) == (True, True)
    assert (spam.again, spam.everybodys) == (False, False)
    assert (closing.again, closing.everybodys) == (True, True)
    connection.send(SENDER, "mary@example.com", LETTER)
    assert server.addresses == ["grace@example.com", "mary@example.com"]
    assert server.connections == 2
    connection.close()  # for which the server would wait when it ends


def test_a_server_that_hangs_up_is_reached_again(make: Callable[..., MailServer]) -> None:
    server = make(hangs_up_after=1)
    connection = to(server, username="")
    connection.send(SENDER, "ada@example.com", LETTER)
    hung_up = refusal(connection, "grace")
    assert (hung_up.again, hung_up.everybodys) == (True, True)
    connection.send(SENDER, "grace@example.com", LETTER)
    assert server.addresses == ["ada@example.com", "grace@example.com"]
    connection.close()


def test_an_access_token_is_asked_for_again_when_it_has_expired(
    make: Callable[..., MailServer], tmp_path: Path
) -> None:
    token, asked = tmp_path / "token", tmp_path / "asked"
    server = make(tokens={USER: {"first"}})
    connection = to(server, token_command=f"echo >> {asked}; cat {token}")
    token.write_text("first\n")
    for student in ("ada", "grace"):
        connection.send(SENDER, f"{student}@example.com", LETTER)
    assert asked.read_text().count("\n") == 1

    token.write_text("second\n")  # in the middle of a connection
    server.tokens = {USER: {"second"}}
    connection.send(SENDER, "mary@example.com", LETTER)
    token.write_text("third\n")  # between two connections
    server.tokens = {USER: {"third"}}
    connection.close()
    connection.send(SENDER, "emmy@example.com", LETTER)
    assert server.seen == ["first", "second", "second", "third"]
    assert asked.read_text().count("\n") == 3

    server.tokens = {USER: {"fourth"}}  # which the command does not know
    refused = "127.0.0.1 refuses the login class: 535 5.7.3 Authentication unsuccessful"
    assert words(refusal(connection), server) == refused
    assert len(server.letters) == 4


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (f"echo {PASSWORD}; exit 3", "ended with status 3"),
        (f'echo \'{{"token": "{PASSWORD}"}}\'', "printed no access token"),
        ("true", "printed no access token"),
        (f"echo {PASSWORD} >&2; no-such-command", "ended with status 127"),
        ("sleep 60 | cat", "did not end within 1 s"),
    ],
)
def test_a_command_without_a_token_is_named_and_what_it_printed_is_not(
    command: str, problem: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(submission, "TOKEN_S", 1)
    with pytest.raises(Refusal) as refused:
        access_token(command)
    assert str(refused.value) == f"class_smtp_token_command {problem}. Run it in a terminal to see why."
    assert refused.value.everybodys
    assert PASSWORD not in "".join(capfd.readouterr())
