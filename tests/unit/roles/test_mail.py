"""The role mail: ansible-playbook itself, with a mail server on this computer. No letter leaves it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.support.mail_server import MailServer
from tools import PROJECT

TEXT = """\
{% if student.username != 'nobody' %}
Dear {{ student.name }},
{% endif %}
{{ class_name }}: {{ tunnel }} {{ student.password }} {{ link }}
"""
SECRET = "never-to-be-printed"
NO_SUCH = "550 no such mailbox"


class Class:
    """Students, a state folder, and a mail server."""

    def __init__(self, base: Path, students: int) -> None:
        """Nobody has a letter."""
        self.state = base / "state"
        for folder in ("letters", "receipts"):
            (self.state / folder).mkdir(parents=True)
        self.template = base / "letter.txt.j2"
        self.template.write_text(TEXT)
        self.server = MailServer(base)
        self.names = [f"s{number}" for number in range(students)]
        self.students: dict[str, dict[str, Any]] = {
            name: {
                "username": name,
                "name": f"Sami {name}",
                "email": f"{name}@example.com",
                "port": 8888,
                "seat": f"ml101-{number:03}",
                "address": "192.0.2.1",
                "password": f"{SECRET}-{name}",
                "token": f"token-{SECRET}-{name}",
            }
            for number, name in enumerate(self.names, 1)
        }
        self.said = ""

    def begin(self, *arguments: str, **inputs: Any) -> subprocess.Popen[str]:
        """Begin to run the role."""
        task = {"name": "Tell them", "ansible.builtin.import_role": {"name": "mail"}}
        play = self.state.parent / "play.yml"
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))
        variables = {
            "class_state_dir": str(self.state),
            "class_smtp_host": "127.0.0.1",
            "class_smtp_port": self.server.port,
            "mail_students": list(self.students.values()),
            "mail_template": str(self.template),
        }
        (self.state.parent / "variables.json").write_text(json.dumps(variables | inputs))
        return subprocess.Popen(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                "--inventory=inventory/10-control.yml",
                f"--extra-vars=@{self.state.parent / 'variables.json'}",
                *arguments,
                str(play),
            ],
            cwd=PROJECT,
            env={name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **inputs: Any) -> int:
        """Run the role; return the exit status."""
        with self.begin(*arguments, **inputs) as run:
            self.said, _ = run.communicate(timeout=180)
        assert "Traceback" not in self.said
        assert SECRET not in self.said
        return run.returncode

    @property
    def kept(self) -> dict[str, tuple[int, int]]:
        """Of each file that is kept, what tells whether it was written anew."""
        files = (path for folder in ("letters", "receipts") for path in (self.state / folder).iterdir())
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def klass(tmp_path: Path) -> Iterator[Class]:
    klass = Class(tmp_path, 5)
    yield klass
    klass.server.close()


@pytest.mark.timeout(300)
def test_each_student_gets_one_letter_and_another_only_if_it_says_something_new(klass: Class) -> None:
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
def test_two_that_are_refused_hold_nobody_up_and_are_named(klass: Class) -> None:
    klass.server.refuses = {"s0@example.com": NO_SUCH, "s3@example.com": "552 the mailbox is full"}
    assert klass.run() == 2
    assert "The letters to s0 (s0@example.com), s3 (s3@example.com) were not accepted:\ns0: " in klass.said
    assert "no such mailbox" in klass.said
    assert "\ns3: " in klass.said
    assert "the mailbox is full" in klass.said
    assert klass.server.addresses == ["s1@example.com", "s2@example.com", "s4@example.com"]
    assert sorted(path.name for path in (klass.state / "receipts").iterdir()) == ["s1.json", "s2.json", "s4.json"]
    assert len(list((klass.state / "letters").iterdir())) == 5

    assert klass.run(mail_fail_refused=False) == 0  # the playbook says it
    klass.server.refuses = {}
    assert klass.run() == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]


@pytest.mark.timeout(300)
def test_letters_are_sent_at_once_but_not_more_than_the_server_takes(klass: Class) -> None:
    klass.server.seconds = 3
    assert klass.run() == 0
    assert klass.server.most_at_once == 3
    assert len(klass.server.letters) == 5


@pytest.mark.timeout(300)
def test_after_ctrl_c_what_is_on_its_way_arrives_with_its_receipt_and_nothing_else_begins(klass: Class) -> None:
    klass.server.seconds = 4
    with klass.begin(mail_at_once=2) as run:
        while klass.server.most_at_once < 2:
            assert run.poll() is None, run.communicate()[0]
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=120)
    assert SECRET not in said
    time.sleep(klass.server.seconds + 2)
    receipts = sorted(path.stem for path in (klass.state / "receipts").iterdir())
    assert klass.server.addresses == [f"{name}@example.com" for name in receipts]
    assert len(receipts) == 2
    klass.server.seconds = 0
    assert klass.run() == 0
    assert klass.server.addresses == [f"{name}@example.com" for name in klass.names]


@pytest.mark.timeout(300)
def test_a_text_that_does_not_work_is_named_without_what_it_would_have_told(klass: Class) -> None:
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
