"""What sshd is told depends on what it knows, and no account is taken that somebody else has."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import accounts, ssh_service
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import student_accounts
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.student_accounts import (
    only_kept,
    understood,
    without_ports_of,
)

CONFIG = "Port 22\n# Since 9.8.\nPerSourcePenalties no\n\nMatch User ada\n    PermitOpen none\n"
BLOCK = "\nMatch User {}\n    # Why.\n    PermitOpen none\n"
OLDER = "Port 22\n# Since 9.8.\n\nMatch User ada\n    PermitOpen none\n"


class Machine(Host):
    """A machine whose sshd knows some keywords."""

    def __init__(self, *known: str) -> None:
        """It has not been asked yet."""
        self.known, self.asked = known, 0

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Answer like sshd; on a host whose sshd was not yet started its own folder is missing."""
        assert stdin is None
        assert argv[0] == "sshd"
        self.asked += 1
        keyword = argv[-1].split()[0]
        said = (
            "Missing privilege separation directory: /run/sshd"
            if keyword in self.known
            else f"command-line: line 0: Bad configuration option: {keyword}\n"
        )
        return subprocess.CompletedProcess(argv, 255, "", said)


@pytest.mark.parametrize(("known", "text"), [(["PerSourcePenalties"], CONFIG), ([], OLDER)])
def test_a_line_that_sshd_does_not_know_is_left_out(known: list[str], text: str) -> None:
    assert understood(Machine(*known), CONFIG, ["PerSourcePenalties"]) == text


def test_a_line_that_every_sshd_must_know_stays_so_that_a_mistake_is_refused() -> None:
    machine = Machine()
    assert understood(machine, CONFIG, []) == CONFIG
    assert machine.asked == 0


OURS = 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=321,fd=3))\n'


@pytest.mark.parametrize(
    ("program", "holder", "ports"),
    [
        ("haproxy", "haproxy", [22]),
        ("haproxy", "sshd", [22, 443]),
        ("haproxy", "", [22, 443]),
        ("", "haproxy", [22, 443]),
    ],
)
def test_a_port_that_the_front_holds_is_left_to_it(program: str, holder: str, ports: list[int]) -> None:
    class Held(Machine):
        def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
            assert (argv, stdin) == (["ss", "-Hltnp"], None)
            said = OURS + (f'LISTEN 0 9 0.0.0.0:443 0.0.0.0:* users:(("{holder}",pid=7,fd=4))\n' if holder else "")
            return subprocess.CompletedProcess(argv, 0, said, "")

    rest = "PasswordAuthentication no\n"
    said = without_ports_of(Held(), f"Port 22\nPort 443\n{rest}", program)
    assert said == "".join(f"Port {port}\n" for port in ports) + rest


SHUT = "Port 22\nDenyGroups students\n\nMatch Group students\n    X11Forwarding no\n"
OPEN = SHUT.replace("DenyGroups students\n", "")


def test_students_are_shut_out_only_where_they_were_already_and_let_in_again_at_once(tmp_path: Path) -> None:
    path = tmp_path / "sshd"
    assert only_kept(SHUT, str(path), ["DenyGroups"]) == OPEN
    path.write_text(OPEN)
    assert only_kept(SHUT, str(path), ["DenyGroups"]) == OPEN
    path.write_text(SHUT)
    assert only_kept(SHUT, str(path), ["DenyGroups"]) == SHUT
    assert only_kept(OPEN, str(path), ["DenyGroups"]) == OPEN


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the project's folder on a machine with accounts of several kinds."""

    def account(name: str, comment: str = "") -> pwd.struct_passwd:
        return pwd.struct_passwd(
            (name, "x", os.getuid() if name == "mary" else 2001, 2001, comment, f"/home/{name}", "")
        )

    people = {
        "ada": account("ada"),  # of the version before
        "hugo": account("hugo", f"{accounts.STUDENTS_COMMENT},,,"),  # useradd was cut off
        "mary": account("mary"),  # somebody took her out of the group
        "postgres": account("postgres", "PostgreSQL administrator,,,"),
    }
    groups = {
        "students": grp.struct_group(("students", "x", 999, ["ada"])),
        "docker": grp.struct_group(("docker", "x", 998, [])),
        "ada": grp.struct_group(("ada", "x", 2001, [])),
    }
    monkeypatch.setattr(pwd, "getpwnam", people.__getitem__)
    monkeypatch.setattr(grp, "getgrnam", groups.__getitem__)
    (tmp_path / "daily_user" / "mary").mkdir(parents=True)
    return tmp_path


def test_the_accounts_of_students_are_known(project: Path) -> None:
    known = [
        name
        for name in ("ada", "hugo", "mary", "postgres", "docker", "new")
        if accounts.is_students(name, "students", str(project))
    ]
    assert known == ["ada", "hugo", "mary"]
    assert not accounts.is_students("ada", "no-such-group", str(project))


class Promising(Host):
    """A machine in check mode, which keeps what it would run."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self.check_mode, self.changes, self.needs = True, [], []
        self._before: list[str] = []
        self._after: list[str] = []

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Have an sshd that finds nothing wrong."""
        assert stdin is None
        return subprocess.CompletedProcess(argv, 0, "", "")


@pytest.mark.parametrize("name", ["postgres", "docker"])
def test_what_was_there_before_is_never_adopted_and_holds_up_nobody_else(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_service, "listen", lambda *_, **__: None)
    monkeypatch.setattr(student_accounts, "shadow_hash", lambda _: "old")
    monkeypatch.setattr(student_accounts, "expiry", lambda _: "")
    texts: list[str] = []

    def keep(_: Host, path: str, text: str, *, mode: int) -> bool:
        texts.append(text)
        return bool(path and mode)

    monkeypatch.setattr(Promising, "file", keep)
    machine = Promising()
    given = {
        "password_hashes": {"new": "n", name: "x", "ada": "a"},
        "group": "students",
        "project_directory": str(project),
        "sshd_config": "Port 22\n" + "".join(BLOCK.format(user) for user in ("ada", name, "new")),
        "sshd_config_file": "/etc/ssh/sshd_config.d/ours.conf",
        "sshd_where_known": [],
        "sshd_leaves_ports_to": "",
        "sshd_only_kept": [],
    }
    result = student_accounts.work(machine, given)
    assert result["refused"] == [name]
    first, second = result["msg"].splitlines()
    assert first.startswith(f"This machine has accounts or groups of its own called {name}. Nothing was done")
    assert "docs/customising.md" in second
    assert {"made the account new", "set the password of new, ada"} < set(machine.changes)
    assert not [change for change in machine.changes if name in change]
    assert texts[-1] == "Port 22\n" + "".join(BLOCK.format(user) for user in ("ada", "new"))
    assert machine.needs == [f"{name} is an account or a group of the machine's own"]  # so that each run says it


def test_sessions_that_a_password_has_opened_end_with_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Open(Promising):
        """A machine on which ada and hugo have sessions."""

        acts: tuple[tuple[str, ...], ...] = ()

        def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
            assert (stdin is None) is (argv[0] != "chpasswd")
            self.acts += (tuple(argv),)
            ended = argv[0] != "pkill" or argv[-1] == "sshd"
            return subprocess.CompletedProcess(argv, int(not ended), "", "")

    hashes = {"ada": "old", "hugo": "his"}
    monkeypatch.setattr(student_accounts, "shadow_hash", hashes.get)
    monkeypatch.setattr(student_accounts, "expiry", lambda _: "")
    monkeypatch.setattr(Host, "directory", lambda *_, **__: False)
    assert project
    for check_mode in (True, False):
        machine = Open()
        machine.check_mode = check_mode
        student_accounts.accounts(machine, {"ada": "new", "hugo": "his"}, "students")
        ended = [act for act in machine.acts if act[0] == "pkill"]
        both = [("pkill", "-KILL", "--euid", "ada", "--exact", name) for name in ("sshd", "sshd-session")]
        assert ended == ([] if check_mode else both)
    assert machine.changes[-2:] == ["set the password of ada", "ended the ssh sessions of ada"]


def test_where_nobody_is_refused_nothing_is_said(project: Path) -> None:
    assert student_accounts.of_others(["ada", "hugo", "mary", "new"], "students", str(project)) == []
    assert student_accounts.refusal([]) == {"refused": []}
