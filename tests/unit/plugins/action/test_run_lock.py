"""One run at a time on a class, and no lock that outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import PROJECT

PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - machine_learning.classroom.run_lock:
        path: "{{ lock }}"
        wait_s: "{{ wait_s | int }}"
    - machine_learning.classroom.run_lock:
        path: "{{ lock }}"
        wait_s: 0
    - ansible.builtin.shell: "echo began >> {{ lock }}.{{ name }}; sleep {{ seconds }}; echo >> {{ lock }}.{{ name }}"
      when: not ansible_check_mode
"""


class Run:
    """A playbook that takes the lock and then works for some seconds."""

    def __init__(self, folder: Path, name: str, *options: str, seconds: float = 0.1, wait_s: int = 0) -> None:
        """Start it in `folder`; it waits `wait_s` for others and then works for `seconds`."""
        playbook = folder / f"{name}.yml"
        playbook.write_text(PLAYBOOK)
        self.progress = folder / f"lock.{name}"
        self.process = subprocess.Popen(
            [
                *(str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), "--inventory", "localhost,"),
                *("--connection", "local", "--extra-vars", f"lock={folder}/lock name={name}", *options),
                *("--extra-vars", f"seconds={seconds} wait_s={wait_s} ansible_python_interpreter={sys.executable}"),
            ],
            cwd=PROJECT,
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def works(self) -> None:
        """Wait until the work has begun."""
        deadline = time.monotonic() + 30
        while not self.progress.exists():
            assert time.monotonic() < deadline, self.process.communicate()[0]
            time.sleep(0.05)

    def ends(self) -> tuple[int, str]:
        """Wait for the end; returns exit code and output."""
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said


def test_a_second_run_is_refused_by_name(tmp_path: Path) -> None:
    first = Run(tmp_path, "first", seconds=6)
    first.works()
    code, said = Run(tmp_path, "second").ends()
    assert code != 0
    assert "Another run is at work on this class: first.yml, begun" in said
    assert f"process {first.process.pid}." in said
    assert "Traceback" not in said
    assert first.ends()[0] == 0
    assert Run(tmp_path, "third").ends()[0] == 0


def test_a_second_run_waits_where_it_may(tmp_path: Path) -> None:
    first = Run(tmp_path, "first", seconds=3)
    first.works()
    code, said = Run(tmp_path, "second", wait_s=40).ends()
    assert code == 0
    assert "Waiting for another run to end: first.yml" in said
    assert first.process.poll() == 0


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_the_lock_lives_as_long_as_the_last_task_of_a_run_that_was_killed(tmp_path: Path, way: signal.Signals) -> None:
    first = Run(tmp_path, "first", seconds=6)
    first.works()
    first.process.send_signal(way)
    first.process.wait(timeout=30)
    code, said = Run(tmp_path, "second", wait_s=40).ends()
    assert code == 0, said
    if way == signal.SIGKILL:  # its task was left behind and went on
        assert first.progress.read_text().splitlines() == ["began", ""]
        assert "Waiting for another run to end: first.yml" in said
    else:
        assert first.progress.read_text().splitlines() == ["began"]


def test_check_mode_locks_nothing(tmp_path: Path) -> None:
    assert Run(tmp_path, "first", "--check").ends()[0] == 0
    assert not (tmp_path / "lock").exists()
