"""What sshd is told depends on what it knows, and no account is taken that somebody else has."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import accounts
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.student_accounts import (
    refuse_others,
    understood,
    without_ports_of,
)

CONFIG = "Port 22\n# Since 9.8.\nPerSourcePenalties no\n\nMatch User ada\n    PermitOpen none\n"
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
            assert stdin is None
            line = f'LISTEN 0 9 0.0.0.0:443 0.0.0.0:* users:(("{holder}",pid=7,fd=4))\n'
            return subprocess.CompletedProcess(argv, 0, line if argv[-1] == "sport = :443" and holder else "", "")

    rest = "PasswordAuthentication no\n"
    said = without_ports_of(Held(), f"Port 22\nPort 443\n{rest}", program)
    assert said == "".join(f"Port {port}\n" for port in ports) + rest


class RefusedError(Exception):
    """What the machine says."""


class Refusing(Host):
    """A machine on which nothing is done but to refuse."""

    def __init__(self) -> None:
        """It needs nothing."""

    def fail(self, message: str, **_: Any) -> NoReturn:
        """Fail in words."""
        raise RefusedError(message)


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


@pytest.mark.parametrize("name", ["postgres", "docker"])
def test_what_was_there_before_is_named_and_never_adopted(project: Path, name: str) -> None:
    refuse_others(Refusing(), ["ada", "hugo", "mary", "new"], "students", str(project))
    with pytest.raises(RefusedError) as refused:
        refuse_others(Refusing(), ["ada", name], "students", str(project))
    first, second = str(refused.value).splitlines()
    assert first.startswith(f"This machine has accounts or groups of its own called {name}. Nothing was done")
    assert "docs/customising.md" in second
