"""One run at a time on a class, and no lock that outlives its run."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

PLAYBOOK = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - machine_learning.classroom.run_lock:
        path: "{{ lock }}"
        wait_s: "{{ wait_s | int }}"
      register: taken
    - machine_learning.classroom.run_lock:
        path: "{{ lock }}"
        wait_s: 0
      register: kept
    - ansible.builtin.debug:
        msg: "waited: {{ taken.waited }}, then {{ kept.waited }}"
    - ansible.builtin.shell: |
        echo began >> {{ lock }}.{{ name }}
        for attempt in $(seq 600); do test -e {{ lock }}.{{ name }}.may_end && break; sleep 0.1; done
        echo >> {{ lock }}.{{ name }}
      when: not ansible_check_mode
"""


class Run:
    """A playbook that takes the lock and then works, at once or until it is told to end."""

    def __init__(self, folder: Path, name: str, *options: str, works_on: bool = False, wait_s: int = 0) -> None:
        """Start it in `folder`; it waits `wait_s` for others and, if it `works_on`, ends only when it may."""
        playbook = folder / f"{name}.yml"
        playbook.write_text(PLAYBOOK)
        self.progress, self.screen = folder / f"lock.{name}", folder / f"{name}.screen"
        self.may_end = folder / f"lock.{name}.may_end"
        if not works_on:
            self.may_end.touch()
        with self.screen.open("w") as screen:
            self.process = subprocess.Popen(
                [
                    *(
                        str(Path(sys.executable).parent / "ansible-playbook"),
                        str(playbook),
                        "--inventory",
                        "localhost,",
                    ),
                    *("--connection", "local", "--extra-vars", f"lock={folder}/lock name={name}", *options),
                    *("--extra-vars", f"wait_s={wait_s} ansible_python_interpreter={sys.executable}"),
                ],
                cwd=PROJECT,
                env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"},
                stdout=screen,
                stderr=subprocess.STDOUT,
            )

    def works(self) -> None:
        """Wait until the work has begun."""
        self._until(self.progress.exists)

    def says(self, words: str) -> None:
        """Wait until the screen shows these words."""
        self._until(lambda: words in self.screen.read_text())

    def _until(self, come: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not come():
            assert time.monotonic() < deadline, self.screen.read_text()
            time.sleep(0.05)

    def ends(self) -> tuple[int, str]:
        """Wait for the end; returns exit code and output."""
        self.process.wait(timeout=60)
        return self.process.returncode, self.screen.read_text()


def test_a_second_run_is_refused_by_name(tmp_path: Path) -> None:
    first = Run(tmp_path, "first", works_on=True)
    first.works()
    code, said = Run(tmp_path, "second").ends()
    first.may_end.touch()
    assert code != 0
    assert "Another run is at work on this class: first.yml, begun" in said
    assert f"process {first.process.pid}." in said
    assert "Traceback" not in said
    code, said = first.ends()
    assert code == 0
    assert "waited: False, then False" in said
    assert Run(tmp_path, "third").ends()[0] == 0


def test_a_run_of_the_same_number_in_another_container_is_another_run(tmp_path: Path) -> None:
    """Each container counts its processes anew, so two jobs on one state folder may well have the same."""
    lock = tmp_path / "lock"
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = Run(tmp_path, "second")
        pid = second.process.pid
        # In the words of the version before, which had nothing else.
        print(f"provision.yml, begun 02 Mar 14:30 UTC, process {pid}", end="", file=other, flush=True)
        code, said = second.ends()
    assert code != 0
    assert f"Another run is at work on this class: provision.yml, begun 02 Mar 14:30 UTC, process {pid}." in said


def test_a_second_run_waits_where_it_may(tmp_path: Path) -> None:
    first = Run(tmp_path, "first", works_on=True)
    first.works()
    second = Run(tmp_path, "second", wait_s=60)
    second.says("Waiting for another run to end: first.yml")
    first.may_end.touch()
    code, said = second.ends()
    assert code == 0
    assert "waited: True, then False" in said
    assert first.process.poll() == 0


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_the_lock_lives_as_long_as_the_last_task_of_a_run_that_was_killed(tmp_path: Path, way: signal.Signals) -> None:
    first = Run(tmp_path, "first", works_on=True)
    first.works()
    first.process.send_signal(way)
    first.process.wait(timeout=30)
    second = Run(tmp_path, "second", wait_s=60)
    if way == signal.SIGKILL:
        second.says("Waiting for another run to end: first.yml")
        first.may_end.touch()
    code, said = second.ends()
    assert code == 0, said
    if way == signal.SIGKILL:  # its task was left behind and went on
        assert first.progress.read_text().splitlines() == ["began", ""]
    else:
        assert first.progress.read_text().splitlines() == ["began"]


def test_check_mode_locks_nothing(tmp_path: Path) -> None:
    assert Run(tmp_path, "first", "--check").ends()[0] == 0
    assert not (tmp_path / "lock").exists()
