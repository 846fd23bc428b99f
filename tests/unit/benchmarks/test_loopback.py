"""A machine of the loopback says that it needs nothing, to who asks as Ansible does, and runs nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks import loopback

# What Ansible asks sshd for, with pipelining and sudo.
ASKED = "/bin/sh -c 'sudo -H -S -n -u root /bin/sh -c '\"'\"'echo BECOME-SUCCESS-abcxyz ; {run}'\"'\"' && sleep 0'"


def ask(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Ask for a command, with a program on standard input."""
    script = folder / "answer"
    script.write_text(loopback.script())
    made = f"open({str(folder / 'made')!r}, 'w')"
    environment = {"SSH_ORIGINAL_COMMAND": command, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["sh", str(script)], input=made, env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def test_it_needs_no_role_of_those_that_make_a_machine_ready(tmp_path: Path) -> None:
    became, answer = ask(tmp_path, ASKED.format(run="/usr/bin/python3")).stdout.splitlines()
    assert became == "BECOME-SUCCESS-abcxyz"
    needed = json.loads(answer)
    assert (needed["changed"], needed["roles"]) == (False, [])
    assert {"student", "work/restore", "jupyter"} < set(needed["reasons"])
    assert not any(needed["reasons"].values())


def test_nothing_that_it_is_asked_runs(tmp_path: Path) -> None:
    ask(tmp_path, ASKED.format(run=f"touch {tmp_path}/made; /usr/bin/python3"))
    assert not (tmp_path / "made").exists()


def test_a_command_that_is_no_module_ends_while_nobody_closes_its_standard_input(tmp_path: Path) -> None:
    """So Ansible runs what waits for a machine."""
    (tmp_path / "answer").write_text(loopback.script())
    environment = {"SSH_ORIGINAL_COMMAND": ASKED.format(run="probe=$(mktemp) && true"), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        ["sh", str(tmp_path / "answer")], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as machine:
        assert machine.stdout is not None
        try:
            assert machine.wait(10) == 0
        finally:
            machine.kill()
        assert machine.stdout.read() == "BECOME-SUCCESS-abcxyz\n"


def test_who_asks_otherwise_gets_no_answer(tmp_path: Path) -> None:
    assert ask(tmp_path, "/usr/bin/python3").returncode == 1
