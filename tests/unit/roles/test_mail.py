"""The role mail: ansible-playbook itself, with a mail server on this computer. No letter leaves it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.support.mail_class import SECRET, TEXT, MailClass, is_relay, relay_of, until
from tests.support.mail_proxy import ANSWERS, PASSES, STRIPS, MailProxy
from tests.support.mail_server import EXPIRED, THROTTLED
from tools import PROJECT

HIDDEN = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "aiosmtpd" else find(name, package)
"""
JOURNAL = """
import os
sendv = None
def send(**fields):
    with open(os.environ["JOURNAL"], "a") as journal:
        journal.write(f"{fields}\\n")
"""
"""Stands for systemd's, to which modules log what they are called with: it is a file."""
NO_SUCH = "550 no such mailbox"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., MailClass]]:
    """Return what makes a class; afterwards its mail server answers no more."""
    made: list[MailClass] = []

    def make(students: int, **server: Any) -> MailClass:
        made.append(MailClass(tmp_path, students, **server))
        return made[-1]

    yield make
    for klass in made:
        klass.server.close()


@pytest.fixture
def klass(make: Callable[..., MailClass]) -> MailClass:
    return make(5)


@pytest.mark.timeout(300)
def test_each_student_gets_one_letter_and_another_only_if_it_says_something_new(klass: MailClass) -> None:
    assert klass.run("--check", "-v") == 0
    for name in klass.names:
        assert f"wrote the letter to {name}" in klass.said
        assert f"sent the letter to {name}" in klass.said
    assert (klass.kept, klass.server.letters) == ({}, [])

    assert klass.run("-vvv") == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]
    letters = dict(klass.server.letters)
    for name in klass.names:
        path = klass.state / "letters" / f"{name}.eml"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        draft = message_from_bytes(path.read_bytes(), policy=default).get_content()
        body = letters[f"{name}@example.com"].get_body()
        assert body is not None
        assert body.get_content().rstrip() == draft.rstrip()
        assert draft.splitlines()[0] == f"Dear Sami {name},"
        assert f"HostKeyAlias={klass.students[name]['seat']} -NfL 5005:localhost:8888 {name}@192.0.2.1 " in draft

    kept = klass.kept
    assert klass.run() == 0
    assert "changed=0" in klass.said
    assert (klass.kept, len(klass.server.letters)) == (kept, 5)

    klass.template.write_text(TEXT + "\nAll the best.\n")  # a new text alone makes no letter due
    (klass.state / "receipts" / "s3.json").unlink()
    klass.students["s1"]["address"] = "192.0.2.2"
    assert klass.run("--check", "-v") == 0
    assert [name for name in klass.names if f"wrote the letter to {name}" in klass.said] == klass.names
    assert [name for name in klass.names if f"sent the letter to {name}" in klass.said] == ["s1", "s3"]
    assert klass.kept == {name: kept[name] for name in kept if name != "s3.json"}
    assert klass.run(mail_again=["s4"]) == 0
    assert sorted(address for address, _ in klass.server.letters[5:]) == [f"s{n}@example.com" for n in (1, 3, 4)]


@pytest.mark.timeout(300)
def test_two_that_are_refused_hold_nobody_up_and_are_named(klass: MailClass) -> None:
    klass.server.refuses = {"s0@example.com": NO_SUCH, "s3@example.com": "552 the mailbox is full"}
    assert klass.run() == 2
    assert "The letters to s0 (s0@example.com), s3 (s3@example.com) were not accepted:\ns0: " in klass.said
    assert "no such mailbox" in klass.said
    assert "\ns3: " in klass.said
    assert "the mailbox is full" in klass.said
    assert klass.server.addresses == ["s1@example.com", "s2@example.com", "s4@example.com"]
    assert klass.receipts == ["s1", "s2", "s4"]
    assert len(list((klass.state / "letters").iterdir())) == 5

    assert klass.run(mail_fail_refused=False) == 0  # the playbook says it
    klass.server.refuses = {}
    assert klass.run() == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]


@pytest.mark.timeout(300)
def test_the_server_has_one_connection_and_one_letter_at_a_time(klass: MailClass) -> None:
    klass.server.seconds = 1
    assert klass.run() == 0
    assert (klass.server.connections, klass.server.most_at_once) == (1, 1)
    assert len(klass.server.letters) == 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_when_the_run_is_ended_the_letter_on_its_way_arrives_with_its_receipt_and_nothing_else_begins(
    klass: MailClass, ended_by: signal.Signals
) -> None:
    klass.server.seconds = 6
    with klass.begin() as run:
        until(lambda: klass.server.most_at_once)
        relay = relay_of(run)
        run.send_signal(ended_by)
        said, _ = run.communicate(timeout=120)
    assert SECRET not in said
    until(lambda: not is_relay(relay))
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.receipts]
    assert len(klass.receipts) == 1
    klass.server.seconds = 0
    assert klass.run() == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]


@pytest.mark.timeout(300)
@pytest.mark.long
def test_a_server_that_hangs_up_after_seven_of_twenty_costs_nobody_a_letter(make: Callable[..., MailClass]) -> None:
    klass = make(20, hangs_up_after=7)
    assert klass.run() == 0
    assert klass.server.addresses == sorted(f"{name}@example.com" for name in klass.names)
    assert klass.receipts == sorted(klass.names)
    assert klass.server.connections == 3


@pytest.mark.timeout(300)
@pytest.mark.long
def test_while_others_hold_the_servers_three_connections_letters_wait_for_one(make: Callable[..., MailClass]) -> None:
    klass = make(4, most_connections=3)
    with ExitStack() as others:
        held: list[socket.socket] = []

        def crowd(count: int) -> None:
            if count == 1:
                where = ("127.0.0.1", klass.server.port)
                held.extend(others.enter_context(socket.create_connection(where)) for _ in range(3))

        klass.server.before = crowd
        assert klass.run(mail_patience_s=4) == 2
        late = [name for name in klass.names if name not in klass.receipts]
        assert len(late) == 2
        who = ", ".join(f"{name} ({name}@example.com)" for name in late)
        assert f"The letters to {who} were not accepted:\n127.0.0.1 did not take it: {THROTTLED}\n" in klass.said
        assert klass.server.addresses == [f"{name}@example.com" for name in klass.receipts]

        before = klass.server.throttled
        with klass.begin(mail_patience_s=120) as run:
            until(lambda: klass.server.throttled >= before + 2, 120)
            assert len(klass.server.letters) == 2
            held[0].close()
            run.communicate(timeout=240)
    assert run.returncode == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]
    assert klass.receipts == klass.names


@pytest.mark.timeout(300)
@pytest.mark.long
def test_a_token_that_expires_after_seven_letters_is_asked_for_again(
    make: Callable[..., MailClass], tmp_path: Path
) -> None:
    klass = make(20)
    login = with_tokens(klass, tmp_path, renewed=True)
    assert klass.run(**login) == 0
    assert klass.server.addresses == sorted(f"{name}@example.com" for name in klass.names)
    assert klass.receipts == sorted(klass.names)
    assert klass.server.seen == [f"{SECRET}-1", f"{SECRET}-2"]
    assert (tmp_path / "asked").read_text().count("\n") == 2


@pytest.mark.timeout(300)
@pytest.mark.long
def test_a_token_that_stays_refused_is_said_with_who_has_no_letter(
    make: Callable[..., MailClass], tmp_path: Path
) -> None:
    klass = make(10)
    login = with_tokens(klass, tmp_path, renewed=False)
    assert klass.run(**login) == 2
    late = [name for name in klass.names if name not in klass.receipts]
    assert len(late) == 3
    who = ", ".join(f"{name} ({name}@example.com)" for name in late)
    refused = f"127.0.0.1:{klass.server.port} refuses the login class@example.com: {EXPIRED}"
    assert f"The letters to {who} were not accepted:\n{refused}\n" in klass.said
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.receipts]
    assert (tmp_path / "asked").read_text().count("\n") == 2  # and not once for each letter

    klass.server.tokens = {"class@example.com": {f"{SECRET}-1"}}
    assert klass.run(**login) == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]


def with_tokens(klass: MailClass, folder: Path, *, renewed: bool) -> dict[str, str]:
    """Let a token expire after seven letters; return the login, whose command prints another one then or does not."""
    token, asked = folder / "token", folder / "asked"
    token.write_text(f"{SECRET}-1\n")
    klass.server.tokens = {"class@example.com": {f"{SECRET}-1"}}

    def expire(count: int) -> None:
        if count == 6:  # and this is the seventh
            klass.server.tokens = {"class@example.com": {f"{SECRET}-2"}}
            if renewed:
                token.write_text(f"{SECRET}-2\n")

    klass.server.before = expire
    command = f"echo >> {asked}; cat {token}"
    return {"class_smtp_username": "class@example.com", "class_smtp_token_command": command}


@pytest.mark.timeout(300)
def test_with_port_465_letters_are_encrypted_from_the_first_byte(make: Callable[..., MailClass]) -> None:
    klass = make(2, security="implicit")
    # The server of this test cannot answer there without root's rights.
    assert klass.run(class_smtp_port=465, mail_smtp_port=klass.server.port) == 0
    assert klass.server.addresses == ["s0@example.com", "s1@example.com"]


@pytest.mark.timeout(300)
@pytest.mark.long
def test_who_stands_before_the_server_has_neither_password_nor_letter(make: Callable[..., MailClass]) -> None:
    password = f"{SECRET}-mail"
    klass = make(2, logins={"class@example.com": password})
    login = {"class_smtp_username": "class@example.com", "class_smtp_password": password}
    unproven = " did not prove that it is 127.0.0.1: unable to get local issuer certificate. "
    for attack, why, read in (
        (STRIPS, " offers no encryption (STARTTLS). ", ["EHLO"]),
        (ANSWERS, unproven, ["EHLO", "STARTTLS"]),
    ):
        with closing(MailProxy(klass.server, attack)) as attacker:
            assert klass.run(class_smtp_port=attacker.port, **login) == 2
        assert f"127.0.0.1:{attacker.port}{why}Neither password nor letter was sent." in klass.said
        assert (attacker.connections, attacker.commands) == (1, read)
        assert (klass.server.seen, klass.server.letters, klass.receipts) == ([], [], [])
    with closing(MailProxy(klass.server, PASSES)) as honest:
        assert klass.run(class_smtp_port=honest.port, **login) == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]
    assert (honest.connections, klass.server.seen) == (1, [password])
    assert not honest.learned(SECRET)


@pytest.mark.timeout(300)
def test_a_text_that_does_not_work_is_named_without_what_it_would_have_told(klass: MailClass) -> None:
    for line, why in (
        ("{{ student.pasword }}", "pasword"),
        ("{{ student[student.password] }}", "no attribute"),
        ("{% if %}", ""),
    ):
        klass.template.write_text(f"{TEXT}{line}\n")
        assert klass.run() == 2
        assert f"{klass.template} makes no letter to s0: " in klass.said
        assert why in klass.said
    assert klass.kept == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kept", [False, True])
def test_a_relay_that_is_killed_is_named_and_each_student_has_one_letter_in_the_end(
    klass: MailClass, kept: bool
) -> None:
    relays: list[int] = []

    def kill(count: int) -> None:
        if count == 1 and not kept:  # the next letter is on its way long enough to be killed there
            klass.server.seconds = 30
        if count == 2 and kept:  # it has the letter, and tells nobody
            os.kill(relays[0], signal.SIGKILL)
            until(lambda: not is_relay(relays[0]))

    klass.server.before = kill
    klass.server.seconds = 2
    with klass.begin() as run:
        until(lambda: klass.server.most_at_once)
        relays.append(relay_of(run))
        if not kept:
            until(lambda: len(klass.receipts) == 2)
            os.kill(relays[0], signal.SIGKILL)
        said, _ = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "were not accepted:\nthe relay on this computer ended before it said what became of the letter\n" in said
    assert SECRET not in said
    assert len(klass.receipts) == 2
    klass.server.seconds = 0
    klass.server.before = lambda _count: None
    assert klass.run() == 0
    # A mailbox shows letters of one id once.
    ids = {str(letter["Message-ID"]) for _, letter in klass.server.letters}
    assert sorted({address for address, _ in klass.server.letters}) == [f"{name}@example.com" for name in klass.names]
    assert len(ids) == 5
    assert len(klass.server.letters) == 5 + kept


@pytest.mark.timeout(300)
def test_no_letter_is_in_the_log_of_this_computer(
    klass: MailClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, systemd = tmp_path / "journal", tmp_path / "packages/systemd"
    systemd.mkdir(parents=True)
    (systemd / "__init__.py").touch()
    (systemd / "daemon.py").write_text("booted = lambda: True\n")
    (systemd / "journal.py").write_text(JOURNAL)
    journal.touch()
    monkeypatch.setenv("PYTHONPATH", str(systemd.parent))
    monkeypatch.setenv("JOURNAL", str(journal))
    assert klass.run(mail_students=[klass.students["s0"]]) == 0
    assert klass.server.addresses == ["s0@example.com"]
    assert journal.read_text() == ""

    # The module as a task of its own, at a port where nobody answers.
    alone = {"subject": "Hello", "body": "Dear Sami", "host": "127.0.0.1", "port": 1}
    ansible = [str(Path(sys.executable).with_name("ansible")), "--inventory=inventory/10-control.yml", "localhost"]
    subprocess.run(
        [*ansible, "--module-name=community.general.mail", f"--args={json.dumps(alone)}"],
        cwd=PROJECT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert "Invoked with" in journal.read_text()
    assert "body=Dear Sami" in journal.read_text()


@pytest.mark.timeout(300)
def test_the_same_access_told_again_is_another_letter(klass: MailClass) -> None:
    assert klass.run() == 0
    assert klass.run(mail_again=["s1"]) == 0
    first, second = (letter["Message-ID"] for address, letter in klass.server.letters if address == "s1@example.com")
    assert first != second
    assert first.endswith("@example.com>")


@pytest.mark.timeout(300)
def test_nobody_is_spoken_to_in_check_mode(klass: MailClass) -> None:
    asked = klass.state.parent / "asked"
    login = {"mail_smtp_username": "class", "mail_smtp_token_command": f"touch {asked}; echo token"}
    assert klass.run("--check", **login) == 0
    assert (klass.server.connections, asked.exists()) == (0, False)
    assert klass.run(**login) == 2  # the server takes no tokens
    assert klass.server.connections == 1


@pytest.mark.timeout(300)
def test_without_its_package_the_one_that_is_missing_is_named(
    klass: MailClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = klass.state.parent / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDDEN)
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    assert klass.run() == 2
    assert "(aiosmtpd) on " in klass.said
    assert "`make setup`" in klass.said
