"""A class on the lab with a folder of its own, and playbooks of it that are ended in the middle."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import yaml

from tests.support.class_machines import as_root
from tests.support.commands import clean_environment, command
from tests.support.laptop import END_SECONDS
from tools import PROJECT

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SECONDS = 300
PATIENCE = 60  # s, of who pressed Ctrl-C


@dataclass(frozen=True)
class Moment:
    """When and how a run ends: `delay` seconds after its task number `task` began, by Ctrl-C or by SIGKILL."""

    task: int
    delay: float
    ctrl_c: bool

    @classmethod
    def draw(cls, chance: random.Random, tasks: int, seconds: float) -> Moment:
        """Draw a moment of a run that has `tasks` tasks and takes `seconds`: around the start of one, or any."""
        if chance.random() < 0.5:
            return cls(chance.randint(1, tasks), chance.choice([0, chance.uniform(0, 0.5)]), chance.random() < 0.5)
        return cls(1, chance.uniform(0, seconds), chance.random() < 0.5)


@dataclass(frozen=True)
class Course:
    """A class on the lab whose state, work and roster lie in `folder`."""

    folder: Path
    settings: dict[str, Any]

    @property
    def state(self) -> Path:
        """Its class_state_dir."""
        return self.folder / "state"

    def write_roster(self, usernames: list[str]) -> None:
        """Let these be the students, in this order."""
        rows = "".join(f"Student {name},{name}@example.com\n" for name in usernames)
        (self.folder / "students.csv").write_text(f"name,email\n{rows}")

    def line(self, playbooks: str) -> str:
        """Return what a user types. The shell becomes Ansible, so that a signal meets no other."""
        own = {
            "class_state_dir": str(self.state),
            "class_roster": str(self.folder / "students.csv"),
            "class_work_home": str(self.folder / "work"),
        }
        (self.folder / "class.yml").write_text(yaml.safe_dump(own | self.settings))
        return f"source lab/activate && exec ansible-playbook {playbooks} -e @{self.folder / 'class.yml'}"

    def play(self, playbooks: str, *, check: bool = True) -> str:
        """Run playbooks to their end; return what they said."""
        return command(self.line(playbooks), check=check).stdout

    def on(self, seat: str, script: str, *, check: bool = True) -> str:
        """Run a script as root on one machine; return what it printed."""
        return as_root(seat, script, self.state, check=check)

    def terminal(self, playbook: str) -> contextlib.AbstractContextManager[pexpect.spawn[str]]:
        """Run a playbook in a terminal."""
        return at_terminal(self.line(playbook))

    def end(self, playbook: str, moment: Moment) -> bool:
        """Run a playbook and end it at `moment`; returns False when it was done before that."""
        print(f"{playbook} {moment}")
        with self.terminal(playbook) as terminal:
            for _ in range(moment.task):
                if terminal.expect([r"TASK \[", pexpect.EOF]) == 1:
                    return False
            if terminal.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=moment.delay) == 0:
                return False
            if moment.ctrl_c:
                terminal.sendintr()
                # In rare moments ansible-core leaves the lock of its results queue taken and waits for it: seen once,
                # a worker in FinalQueue.send_task_result. One presses again then.
                if terminal.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=PATIENCE):
                    print(f"Ctrl-C once more after {PATIENCE} s")
                    terminal.sendintr()
                    terminal.expect(pexpect.EOF)
            else:
                os.kill(terminal.pid, signal.SIGKILL)
            return True


@contextlib.contextmanager
def at_terminal(line: str) -> Iterator[pexpect.spawn[str]]:
    """Run a shell command in a terminal, which is closed at the end, whatever still runs in it."""
    terminal = pexpect.spawn(
        "bash",
        ["-c", line],
        cwd=str(PROJECT),
        env=clean_environment(),
        timeout=SECONDS,
        encoding="utf-8",
        dimensions=(50, 200),
    )
    terminal.ptyproc.delayafterterminate = END_SECONDS
    try:
        yield terminal
    finally:
        terminal.close(force=True)


def tasks_of(output: str) -> int:
    """Count the tasks that a run began."""
    return output.count("TASK [")
