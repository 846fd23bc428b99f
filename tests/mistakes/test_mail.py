"""Mail that does not go: what is wrong with the settings before a machine costs money, and then with the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.mail_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.desk import Desk

SES = {"class_smtp_host": "email-smtp.eu-central-1.amazonaws.com", "class_smtp_username": "AKIAEXAMPLE"}
PORT = {"class_smtp_port": "starttls"}
COMMA = {"class_mail_from": "Dr. Beispiel, ML 101 <ml101@example.com>"}
PASSWORD = "never-on-the-screen"
NOT_SENT = "Neither password nor letter was sent."
MEND = "Mend class_smtp_… in group_vars/all/class.yml or the address in the roster, then run mail.yml."


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., MailServer]]:
    """Return what makes a mail server; afterwards it answers no more."""
    made: list[MailServer] = []

    def make(**kind: Any) -> MailServer:
        made.append(MailServer(tmp_path / f"server{len(made)}", **kind))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SES, "class_mail_from is 'AKIAEXAMPLE': it is the login, which is no address. "),
        (
            COMMA,
            "class_mail_from is 'Dr. Beispiel, ML 101 <ml101@example.com>': a name with a comma has quotation ",
        ),
        (PORT, "class_smtp_port is 'starttls': it takes a number, 587 or 465 for mail."),
    ],
)
@pytest.mark.parametrize("playbooks", ["provision.yml configure.yml", "configure.yml --check", "mail.yml", "start.yml"])
def test_settings_with_which_no_letter_can_be_sent_are_named_before_aws_is_asked(
    desk: Desk, settings: dict[str, Any], said: str, playbooks: str
) -> None:
    failure = desk.play(f"-i inventory/10-control.yml {playbooks}", **settings).failure
    assert failure.startswith(f"No letter could be sent with these settings (group_vars/all/class.yml):\n{said}")
    assert not desk.aws.requests


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"days": -1}, f" did not prove that it is 127.0.0.1: certificate has expired. {NOT_SENT}"),
        (
            {"names": ["mail.example.org"]},
            " did not prove that it is 127.0.0.1: IP address mismatch, certificate is not valid for '127.0.0.1'. "
            + NOT_SENT,
        ),
        ({"security": "none"}, f" offers no encryption (STARTTLS). {NOT_SENT}"),
        (
            {"security": "implicit"},
            " answers, but not as a mail server with STARTTLS: Connection unexpectedly closed: timed out. "
            f"{NOT_SENT} One that wants TLS from the first byte has port 465.",
        ),
        ({"logins": {"class@example.com": "another"}}, None),
    ],
)
def test_a_server_that_is_not_what_it_should_be(
    desk: Desk, make: Callable[..., MailServer], kind: dict[str, Any], said: str | None
) -> None:
    server = make(**{"logins": {"class@example.com": PASSWORD}, **kind})
    shown = send(desk, server)
    where = f"127.0.0.1:{server.port}"
    said = said or " refuses the login class@example.com: 535 5.7.8 Authentication credentials invalid"
    assert shown.failure == f"The letter to ada (ada@example.com) was not accepted:\n{where}{said}\n{MEND}"
    assert server.letters == []
    if "logins" not in kind:
        assert server.seen == []


def test_an_authority_that_nobody_here_knows(desk: Desk, make: Callable[..., MailServer]) -> None:
    server, other = (make(logins={"class@example.com": PASSWORD}) for _ in range(2))
    why = f"127.0.0.1:{server.port} did not prove that it is 127.0.0.1: unable to get local issuer certificate."
    own = "If it is an authority of your university's own, name its certificate in class_smtp_ca_file."
    said = f"The letter to ada (ada@example.com) was not accepted:\n{why} {NOT_SENT} {own}\n{MEND}"
    for ca_file in (str(other.ca_file), ""):
        assert send(desk, server, class_smtp_ca_file=ca_file).failure == said
    assert (server.seen, server.letters) == ([], [])


def test_a_login_without_a_password_and_a_command_without_a_token(desk: Desk, make: Callable[..., MailServer]) -> None:
    server = make(logins={"class@example.com": PASSWORD})
    assert (
        "class_smtp_username is set, but no password: export CLASS_SMTP_PASSWORD="
        in send(desk, server, class_smtp_password="").failure
    )
    server = make(tokens={"class@example.com": {PASSWORD}})
    command = f"echo Your token is {PASSWORD}; exit 1"
    failure = send(desk, server, class_smtp_password="", class_smtp_token_command=command).failure
    assert "class_smtp_token_command ended with status 1. Run it in a terminal to see why." in failure
    server.tokens = {"class@example.com": {"another"}}
    failure = send(desk, server, class_smtp_password="", class_smtp_token_command=f"echo {PASSWORD}").failure
    assert "refuses the login class@example.com: 535 5.7.3 Authentication unsuccessful\n" in failure


def send(desk: Desk, server: MailServer, **settings: Any) -> Any:
    """Send Ada's letter through a server; return the screen, on which no secret may be."""
    for folder in ("letters", "receipts"):
        (desk.home / "class" / folder).mkdir(parents=True, exist_ok=True)
    student = {"name": "Ada", "email": "ada@example.com", "username": "ada", "port": 8888}
    student |= {"seat": "ml101-001", "address": "192.0.2.1"}
    login = {"class_smtp_username": "class@example.com", "class_smtp_password": PASSWORD}
    shown = desk.play_tasks(
        {"role": "mail"},
        mail_students=[{**student, "password": "abcd-efgh-jkmn", "token": "abcdefghjkmnpqrstuvwxyz2"}],
        **{**server.settings, **login, **settings},
    )
    shown.secrets += (PASSWORD, "abcd-efgh-jkmn", "abcdefghjkmnpqrstuvwxyz2")
    return shown
