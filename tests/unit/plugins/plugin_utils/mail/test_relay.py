"""The relay: a process on this computer, a mail server behind it, and letters by smtplib as a module sends them."""

from __future__ import annotations

import itertools
import json
import smtplib
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.relay_process import RelayProcess

from tests.support.mail_class import is_relay, until
from tests.support.mail_module import send_by_the_module_alone
from tests.support.mail_proxy import ANSWERS, GOES_ON, INJECTS, PASSES, STRIPS, MailProxy
from tests.support.mail_server import SENDER, THROTTLED, MailServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = "of this run"
USER, SERVERS_PASSWORD = "class", "of-the-server"
NOT_SENT = "Neither password nor letter was sent."
NO_SUCH = "550 no such mailbox"
LETTER = b"Subject: Hello\r\nMessage-ID: <of@the.module>\r\n\r\nDear all\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """Return a mail server at which all is right so far."""
    server = MailServer(tmp_path / "server")
    yield server
    server.close()


@pytest.fixture
def between(server: MailServer) -> Iterator[Callable[..., MailProxy]]:
    """Return what puts somebody before a server that wants a password; afterwards nobody is there any more."""
    made: list[MailProxy] = []

    def between(attack: str, security: str = "starttls") -> MailProxy:
        right = MailServer(server.folder / "wants-login", logins={USER: SERVERS_PASSWORD}, security=security)
        made.append(MailProxy(right, attack))
        return made[-1]

    yield between
    for proxy in made:
        proxy.close()
        proxy.server.close()


def relay(behind: MailServer, students: list[str], **more: Any) -> RelayProcess:
    """Begin a relay for the letters to some students; their receipts are beside the server's folder."""
    letters = {
        name: {
            "recipient": f"{name}@example.com",
            "receipt": {"digest": f"of {name}"},
            "receipt_file": str(behind.folder.parent / f"{name}.json"),
        }
        for name in students
    }
    to = {"host": "127.0.0.1", "port": behind.port, "ca_file": str(behind.ca_file)}
    run = {"server": to, "sender": SENDER, "password": PASSWORD, "letters": letters, "per_minute": 0, "patience_s": 60}
    return RelayProcess(run | more)


def by(proxy: MailProxy, students: list[str]) -> RelayProcess:
    """Begin a relay that comes to the server by somebody who stands before it."""
    login = {"username": USER, "password": SERVERS_PASSWORD, "security": proxy.server.security}
    to = {"host": "127.0.0.1", "port": proxy.port, "ca_file": str(proxy.server.ca_file), **login}
    return relay(proxy.server, students, server=to)


def send(through: RelayProcess, name: str, *, password: str = PASSWORD, sender: str = SENDER, to: str = "") -> None:
    """Bring a letter to the relay; fail if it does not agree to it."""
    with smtplib.SMTP_SSL("127.0.0.1", through.port) as client:
        client.login(name, password)
        client.sendmail(sender, [to or f"{name}@example.com"], LETTER)


def send_all(through: RelayProcess, names: list[str], at_once: int = 3) -> dict[str, str | None]:
    """Bring letters to the relay, some at once; return what it says of each."""
    waiting = list(names)

    def some() -> None:
        while waiting:
            name = waiting.pop(0)
            with suppress(smtplib.SMTPDataError):  # what it says to it is looked at below
                send(through, name)

    threads = [threading.Thread(target=some) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {name: through.refused(name) for name in names}


def receipts(server: MailServer) -> list[str]:
    """Return to whom there are receipts, after looking into them."""
    found = sorted(server.folder.parent.glob("*.json"))
    for path in found:
        kept = json.loads(path.read_text())
        assert kept["digest"] == f"of {path.stem}"
        assert kept["accepted"].endswith(" UTC")
        assert path.stat().st_mode & 0o077 == 0
    return [path.stem for path in found]


def numbered(count: int) -> list[str]:
    """Name students."""
    return [f"s{number:02}" for number in range(count)]


def test_it_agrees_only_when_the_server_has_and_the_receipt_is_there(server: MailServer) -> None:
    server.before = lambda _count: time.sleep(0.2)
    with relay(server, ["ada"]) as through:
        send(through, "ada")
        assert receipts(server) == ["ada"]
        assert through.refused("ada") == ""
    ((_, letter),) = server.letters
    assert letter["Message-ID"] != "<of@the.module>"
    assert letter["Message-ID"].endswith("@example.com>")


def test_it_answers_on_the_loopback_alone_and_ends_with_whoever_began_it(server: MailServer) -> None:
    with relay(server, ["ada"]) as through:
        process = through._process.pid
        assert is_relay(process)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", through.port))
        socket.create_connection(("127.0.0.1", through.port)).close()
    assert not is_relay(process)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", through.port))


def test_it_takes_nothing_but_this_runs_letters(server: MailServer) -> None:
    with relay(server, ["ada", "grace"]) as through:
        with smtplib.SMTP_SSL("127.0.0.1", through.port) as client:
            client.ehlo()
            assert client.mail(SENDER)[0] == 530  # without a login
        for name, password in (("ada", "guessed"), ("eve", PASSWORD)):
            with pytest.raises(smtplib.SMTPAuthenticationError):
                send(through, name, password=password)
        with pytest.raises(smtplib.SMTPSenderRefused):
            send(through, "ada", sender="eve@example.com")
        for student in ("eve", "grace"):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                send(through, "ada", to=f"{student}@example.com")
        assert (server.connections, receipts(server)) == (0, [])


def test_a_server_that_hangs_up_after_seven_of_twenty_gets_each_once(server: MailServer) -> None:
    server.hangs_up_after = 7
    names = numbered(20)
    with relay(server, names) as through:
        assert set(send_all(through, names).values()) == {""}
    assert server.addresses == [f"{name}@example.com" for name in names]
    assert (server.connections, receipts(server)) == (3, names)


def test_a_server_that_has_had_enough_for_now_gets_them_later(server: MailServer) -> None:
    server.answers = [THROTTLED, THROTTLED]
    server.puts_off = {"s01@example.com": ["450 4.2.0 greylisted"]}
    names = numbered(5)
    with relay(server, names) as through:
        assert set(send_all(through, names).values()) == {""}
    assert server.addresses == [f"{name}@example.com" for name in names]
    assert (server.connections, server.most_at_once) == (1, 1)


def test_a_server_that_takes_three_connections_has_one(server: MailServer) -> None:
    server.most_connections = 3
    names = numbered(12)
    with relay(server, names) as through:
        assert set(send_all(through, names, at_once=6).values()) == {""}
    assert (server.connections, len(server.letters)) == (1, 12)


def test_it_keeps_to_the_pace(server: MailServer) -> None:
    arrived: list[float] = []
    server.before = lambda _count: arrived.append(time.monotonic())
    with relay(server, numbered(4), per_minute=60) as through:
        send_all(through, numbered(4))
    assert min(later - earlier for earlier, later in itertools.pairwise(arrived)) > 0.9


def test_patience_is_all_letters_together_with_a_server_that_takes_none(server: MailServer) -> None:
    server.answers = [THROTTLED] * 100
    names = numbered(6)
    began = time.monotonic()
    with relay(server, names, patience_s=4) as through:
        said = send_all(through, names)
    assert time.monotonic() - began < 20
    assert set(said.values()) == {f"127.0.0.1 did not take it: {THROTTLED}"}
    assert (server.letters, receipts(server)) == ([], [])


def test_a_student_who_is_put_off_too_long_holds_nobody_up(server: MailServer) -> None:
    server.puts_off = {"s00@example.com": ["450 4.2.0 greylisted"] * 100}
    names = numbered(5)
    with relay(server, names, patience_s=4) as through:
        said = send_all(through, names)
    refused = "127.0.0.1 takes no letter to s00@example.com: 450 4.2.0 greylisted"
    assert said == {**dict.fromkeys(names, ""), "s00": refused}


def test_what_is_wrong_with_all_letters_is_asked_once(server: MailServer) -> None:
    names = numbered(5)
    server.logins = {"class": "another"}
    to = {"host": "127.0.0.1", "port": server.port, "ca_file": "", "username": "class", "password": "secret"}
    with relay(server, names, server=to) as through:
        said = send_all(through, names)
    (why,) = set(said.values())
    assert why is not None
    assert "did not prove that it is 127.0.0.1" in why
    assert (server.connections, server.seen) == (1, [])


def test_a_receipt_that_cannot_be_kept_is_said(server: MailServer) -> None:
    (server.folder.parent / "ada.json").mkdir()
    with relay(server, ["ada"]) as through:
        said = send_all(through, ["ada"])["ada"]
    assert said is not None
    assert "ada.json" in said
    assert through.refused("ada") == said


def test_when_the_run_ends_what_the_server_has_arrives_and_the_rest_is_told(server: MailServer) -> None:
    server.seconds = 2
    names = numbered(3)
    with relay(server, names) as through:
        sending = threading.Thread(target=lambda: send_all(through, names))
        sending.start()
        until(lambda: server.most_at_once)
        through.end()
        sending.join()
        said = {name: through.refused(name) for name in names}
    assert sorted(map(str, said.values())) == ["", "the run was ended", "the run was ended"]
    assert [f"{name}@example.com" for name in receipts(server)] == server.addresses
    assert len(server.letters) == 1


def test_whoever_brought_a_letter_may_hang_up(server: MailServer) -> None:
    server.seconds = 1
    with relay(server, ["ada"]) as through:
        client = smtplib.SMTP_SSL("127.0.0.1", through.port)
        client.login("ada", PASSWORD)
        client.mail(SENDER)
        client.rcpt("ada@example.com")
        client.putcmd("data")
        client.getreply()
        client.send(LETTER + b".\r\n")
        until(lambda: server.most_at_once)
        client.close()
        until(lambda: server.letters)
        assert through.refused("ada") == ""
    assert receipts(server) == ["ada"]


@pytest.mark.parametrize(
    ("attack", "security", "why", "read"),
    [
        (STRIPS, "starttls", f" offers no encryption (STARTTLS). {NOT_SENT}", ["EHLO"]),
        (ANSWERS, "starttls", " did not prove that it is 127.0.0.1: unable to get local issuer ", ["EHLO", "STARTTLS"]),
        (ANSWERS, "implicit", " did not prove that it is 127.0.0.1: unable to get local issuer certificate. ", []),
        (GOES_ON, "starttls", f" does not speak TLS: WRONG_VERSION_NUMBER. {NOT_SENT}", ["EHLO", "STARTTLS"]),
    ],
)
def test_who_stands_before_the_right_server_learns_no_password(
    between: Callable[..., MailProxy], attack: str, security: str, why: str, read: list[str]
) -> None:
    proxy = between(attack, security)
    with by(proxy, ["ada", "grace"]) as through:
        said = send_all(through, ["ada", "grace"])
    assert said == dict.fromkeys(said, said["ada"])
    assert str(said["ada"]).startswith(f"127.0.0.1:{proxy.port}{why}")
    assert proxy.commands == read
    assert not proxy.learned(SERVERS_PASSWORD)
    assert (proxy.server.seen, proxy.server.letters, receipts(proxy.server)) == ([], [], [])


@pytest.mark.parametrize("security", ["starttls", "implicit"])
def test_who_only_passes_on_has_letters_arrive_and_learns_no_password(
    between: Callable[..., MailProxy], security: str
) -> None:
    proxy = between(PASSES, security)
    with by(proxy, ["ada", "grace"]) as through:
        assert set(send_all(through, ["ada", "grace"]).values()) == {""}
    assert proxy.server.addresses == ["ada@example.com", "grace@example.com"]
    assert (proxy.server.seen, proxy.connections) == ([SERVERS_PASSWORD], 1)
    assert not proxy.learned(SERVERS_PASSWORD)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("attack", "security", "secure"),
    [(STRIPS, "starttls", "try"), (ANSWERS, "starttls", "starttls"), (ANSWERS, "implicit", "always")],
)
def test_the_module_alone_would_tell_it_and_nobody_would_notice(
    between: Callable[..., MailProxy], attack: str, security: str, secure: str
) -> None:
    proxy = between(attack, security)
    login = {"secure": secure, "username": USER, "password": SERVERS_PASSWORD}
    assert send_by_the_module_alone(proxy.port, "ada@example.com", **login) == 0
    assert proxy.server.addresses == ["ada@example.com"]
    assert proxy.learned(SERVERS_PASSWORD)


def test_who_goes_on_without_encryption_would_tell_it(between: Callable[..., MailProxy]) -> None:
    proxy = between(GOES_ON)
    with closing(smtplib.SMTP("127.0.0.1", proxy.port, timeout=20)) as careless:
        careless.ehlo()
        assert careless.docmd("STARTTLS")[0] == 220
        careless.ehlo()
        careless.login(USER, SERVERS_PASSWORD)
        until(lambda: proxy.learned(SERVERS_PASSWORD))


class Believing(smtplib.SMTP):
    """What smtplib would be if it went on to read what came before it encrypted."""

    def starttls(self, *, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
        """Keep what has been read."""
        self.ehlo()
        before = self.file
        answer = super().starttls(context=context)
        self.file = before
        return answer


def test_answers_that_came_in_the_clear_are_nobodys(between: Callable[..., MailProxy]) -> None:
    proxy = between(INJECTS)
    proxy.server.refuses = {"ada@example.com": NO_SUCH}
    with by(proxy, ["ada", "grace"]) as through:
        said = send_all(through, ["ada", "grace"])
    assert said == {"ada": f"127.0.0.1 takes no letter to ada@example.com: {NO_SUCH}", "grace": ""}
    assert proxy.server.addresses == ["grace@example.com"]
    assert receipts(proxy.server) == ["grace"]
    assert not proxy.learned(SERVERS_PASSWORD)

    known = ssl.create_default_context(cafile=proxy.server.ca_file)
    with closing(Believing("127.0.0.1", proxy.port, timeout=20)) as believing:
        believing.starttls(context=known)
        believing.login(USER, SERVERS_PASSWORD)
        assert believing.sendmail(SENDER, ["ada@example.com"], LETTER) == {}  # to it, the letter was accepted
    assert proxy.server.addresses == ["grace@example.com"]
