"""`make setup`: it says what Ansible would answer with a riddle, and sees to what macOS needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

# Instead of the two that fetch and install: what make asks them for is there afterwards.
STAND_INS = {
    "make-venv": 'mkdir -p .venv/bin && touch .venv/bin/python && echo "# of the venv" > .venv/bin/activate',
    "install": 'touch "$2"',
}


def executable(path: Path, commands: str) -> None:
    """Write a shell script."""
    path.write_text(f"#!/bin/sh\n{commands}\n")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what `make setup` runs, but for what it would install, into a folder that is this user's alone."""
    folder = tmp_path / "project"
    folder.mkdir(mode=0o755)
    shutil.copytree(PROJECT / "bin", folder / "bin")
    for name in ("Makefile", "ansible.cfg", "requirements.txt"):
        shutil.copy(PROJECT / name, folder)
    for name, commands in STAND_INS.items():
        executable(folder / "bin" / name, commands)
    return folder


def setup(project: Path) -> subprocess.CompletedProcess[str]:
    """Run `make setup` there."""
    return subprocess.run(["make", "setup"], cwd=project, capture_output=True, text=True, check=False, timeout=60)


def activated(project: Path, system: str, command: str, limit: int = 256) -> str:
    """Return what `command` says in a shell with so many open files, after `source .venv/bin/activate` on `system`."""
    programs = project / f"programs of {system}"
    programs.mkdir(exist_ok=True)
    executable(programs / "uname", f"echo {system}")
    lines = f"ulimit -S -n {limit}; source .venv/bin/activate; {command}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OBJC_")}
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    shell = ["bash", "-euc", lines]
    return subprocess.run(shell, cwd=project, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_folder_that_everybody_may_write_to_is_refused_in_words_before_anything_is_made(project: Path) -> None:
    project.chmod(0o777)
    refused = setup(project)
    assert refused.returncode != 0
    assert f"Everybody may write to {project}, so Ansible does not read ansible.cfg there." in refused.stderr
    assert "home folder of Linux" in refused.stderr
    assert "chmod o-w" in refused.stderr
    assert not (project / ".venv").exists()
    subprocess.run(["chmod", "o-w", project], check=True)
    assert setup(project).returncode == 0


def test_that_is_the_folder_whose_settings_ansible_passes_over(project: Path) -> None:
    def settings() -> str:
        command = [str(PROJECT / ".venv/bin/ansible-config"), "dump", "--only-changed"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True).stdout

    assert "DEFAULT_FORKS" in settings()
    project.chmod(0o777)
    assert "DEFAULT_FORKS" not in settings()


def test_on_macos_the_activated_shell_may_fork_and_open_as_much_as_a_run_needs(project: Path) -> None:
    assert setup(project).returncode == 0
    said = 'echo "${OBJC_DISABLE_INITIALIZE_FORK_SAFETY:-} $(ulimit -S -n)"'
    assert activated(project, "Darwin", said) == "YES 1024\n"
    assert activated(project, "Darwin", said, limit=2048) == "YES 2048\n"
    assert activated(project, "Linux", said) == " 256\n"


def test_a_second_setup_adds_nothing(project: Path) -> None:
    setup(project)
    first = (project / ".venv/bin/activate").read_text()
    assert first.startswith("# of the venv\n")
    assert setup(project).returncode == 0
    assert (project / ".venv/bin/activate").read_text() == first
