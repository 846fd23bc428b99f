"""Who is told by playbooks/parts/letters.yml: ansible-playbook itself, with machines that are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import Message, read_eml

from tests.support.mail_server import MailServer
from tools import PROJECT

LETTERS = f"{PROJECT}/playbooks/parts/letters.yml"
SECRET = "never-to-be-printed"
# The outcome of each machine, and its students.
MACHINES = {
    "ml101-001": ("ready", "ada grace"),
    "ml101-002": ("Install the environment: no room", "emmy"),
    "ml101-003": (None, "mary"),
    "ml101-004": ("ready", "blaise left"),
}


class Class:
    """Students with accounts, and what a play before has remembered of their machines."""

    def __init__(self, base: Path) -> None:
        """Nobody has a letter. What a run has seen is in `seen`, by seat; with None it has visited no machine."""
        self.base = base
        self.seen: dict[str, dict[str, Any]] | None = {}
        for folder in ("letters", "receipts"):
            (base / folder).mkdir()
        self.server = MailServer(base)

    def run(self, plays: list[dict[str, Any]], *arguments: str, code: int = 0) -> str:
        """Import the part with each of `plays` as its variables; return the screen."""
        machines = {
            seat: {
                "ansible_host": f"192.0.2.{number}",
                "ansible_become": True,
                "aws_instance_id": f"i-{number}",
                "aws_ec2_tags": {"Students": students},
                **({"configure_outcome": outcome} if outcome and self.seen is not None else {}),
                **(self.seen or {}).get(seat, {}),
            }
            for number, (seat, (outcome, students)) in enumerate(MACHINES.items(), 1)
        }
        groups = {"machines": {"hosts": machines}, "others": {"hosts": {"ml101-004": {}}}, "nobody": {}}
        names = [name for _, students in MACHINES.values() for name in students.split() if name != "left"]
        accounts = {
            name: {"name": name, "email": f"{name}@example.com", "password": SECRET, "token": SECRET} for name in names
        }
        accounts["emmy"] |= {"link_host": "192.0.2.2", "link_secret": SECRET}
        variables = {
            "class_state_dir": str(self.base),
            **self.server.settings,
            "credentials_kept": {"accounts": accounts},
        }
        (self.base / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
        (self.base / "variables.json").write_text(json.dumps(variables))
        imports = [{"name": "Tell them", "import_playbook": LETTERS, "vars": play} for play in plays]
        (self.base / "play.yml").write_text(json.dumps(imports))
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                "--inventory=inventory/10-control.yml",
                f"--inventory={self.base / 'hosts.json'}",
                *(f"--extra-vars=@group_vars/all/{name}.yml" for name in ("class", "project")),
                f"--extra-vars=@{self.base / 'variables.json'}",
                *arguments,
                str(self.base / "play.yml"),
            ],
            cwd=PROJECT,
            env={name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert SECRET not in said
        return said

    @property
    def told(self) -> list[str]:
        """To whom letters went, since it was asked last."""
        told = [address.partition("@")[0] for address in self.server.addresses]
        self.server.letters.clear()
        return told


@pytest.fixture
def klass(tmp_path: Path) -> Iterator[Class]:
    klass = Class(tmp_path)
    yield klass
    klass.server.close()


@pytest.mark.timeout(300)
def test_those_are_told_whose_machines_are_ready_or_with_mail_yml_all(klass: Class) -> None:
    ready: dict[str, Any] = {"letters_only_if_ready": True}
    said = klass.run([ready, ready | {"letters_on": "nobody"}, ready | {"letters_on": "others"}], "-vvv")
    assert klass.told == ["ada", "blaise", "grace"]
    assert sorted(path.stem for path in (klass.base / "letters").iterdir()) == ["ada", "blaise", "grace"]
    assert said.count("sent the letter to ") == 3
    assert "changed=0" in klass.run([ready])

    klass.run([{}], "--limit=ml101-003")
    assert klass.told == ["mary"]
    klass.run([{"letters_again": ["grace"]}])
    assert klass.told == ["emmy", "grace"]
    klass.run([{"letters_on": "others", "letters_again": ["all"]}])
    assert klass.told == ["blaise"]


@pytest.mark.timeout(300)
def test_letters_are_in_the_class_s_language_and_another_one_makes_none_due(klass: Class) -> None:
    def kept() -> Message:
        return read_eml((klass.base / "letters/ada.eml").read_bytes())

    klass.run([{}], "--limit=ml101-001", "--extra-vars=class_language=de-AT")
    (letter,) = (letter for address, letter in klass.server.letters if address == "ada@example.com")
    assert letter["Subject"] == kept()["subject"] == "Ihr Rechner für ml101"
    body = letter.get_body()
    assert body is not None
    assert body.get_content().rstrip() == kept()["body"].rstrip()
    assert body.get_content().startswith("Guten Tag ada,\n\nfür ml101 steht ein Rechner für Sie bereit")
    assert klass.told == ["ada", "grace"]

    klass.run([{"letters_again": ["grace"]}], "--limit=ml101-001", "--extra-vars=class_language=fr")
    assert klass.told == ["grace"]
    assert kept()["body"].startswith("Bonjour ada,")
    klass.run([{}], "--limit=ml101-001", "--extra-vars=class_mail_subject='Our own'", "--extra-vars=class_language=ES")
    assert (kept()["subject"], kept()["body"].splitlines()[0]) == ("Our own", "Hola, ada:")
    (klass.base / "own.txt.j2").write_text("Caro {{ student.name }},\n{{ tunnel }}\n")
    klass.run([{}], "--limit=ml101-001", f"--extra-vars=mail_template={klass.base}/own.txt.j2")
    assert (kept()["subject"], kept()["body"].splitlines()[0]) == ("Your machine for ml101", "Caro ada,")
    assert klass.told == []


@pytest.mark.timeout(300)
def test_a_letter_that_is_refused_ends_mail_yml_but_no_playbook_that_has_more_to_do(klass: Class) -> None:
    klass.server.refuses = {"ada@example.com": "550 no such mailbox"}
    said = klass.run([{"letters_fail_refused": False}])
    assert klass.told == ["blaise", "emmy", "grace", "mary"]
    assert "not accepted" not in said
    said = klass.run([{}], code=2)
    assert "fatal: [localhost]: The letter to ada (ada@example.com) was not accepted:\n" in said
    assert klass.told == []


@pytest.mark.timeout(300)
def test_mail_yml_says_of_a_machine_that_it_does_not_visit_what_was_seen_there_last(klass: Class) -> None:
    def kept() -> str:
        return read_eml((klass.base / "letters/emmy.eml").read_bytes())["body"]

    ready: dict[str, Any] = {"letters_only_if_ready": True, "letters_fail_refused": False}
    trouble = {"certificate_until": "", "certificate_trouble": "the authority gave no answer in 300 s"}
    klass.seen = {
        "ml101-001": {"student_given": {"refused": ["grace"]}},
        "ml101-002": {"configure_outcome": "ready", "front_state": trouble},
    }
    klass.run([ready])
    assert klass.told == ["ada", "blaise", "emmy"]
    letter = kept()
    assert "the authority gave no answer" in letter
    assert "changed=0" in klass.run([ready])

    klass.seen = None
    said = klass.run([{"letters_again": ["emmy", "grace"]}], code=2)
    assert klass.told == ["emmy", "mary"]
    assert kept() == letter
    assert "Without an account, and so without a letter: grace." in said
    klass.run([{}], "--limit=ml101-002")  # it is about others

    klass.seen = {"ml101-001": {}, "ml101-002": {"configure_outcome": "ready"}}
    klass.run([ready])
    assert klass.told == ["grace"]
    klass.seen = None
    klass.run([{"letters_again": ["emmy"]}])
    assert klass.told == ["emmy"]
    assert "the authority gave no answer" not in kept()


@pytest.mark.timeout(300)
def test_what_is_not_remembered_of_the_machines_holds_up_no_letter(klass: Class) -> None:
    ready: dict[str, Any] = {"letters_only_if_ready": True, "letters_fail_refused": False}
    record = klass.base / "ways_in.json"
    record.write_text('{"i-1": {"refu')
    klass.run([{}], "--limit=ml101-001")
    assert klass.told == ["ada", "grace"]
    assert json.loads(record.read_text()) == {}

    record.unlink()
    record.mkdir()
    klass.seen = {"ml101-004": {"student_given": {"refused": ["blaise"]}}}
    said = klass.run([ready | {"letters_again": ["ada"]}])
    assert f"{record} cannot be kept (Is a directory)." in said
    assert klass.told == ["ada"]
