"""Two students who share a machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import ROSTER, STATE, command, mails
from tests.e2e.laptop import Laptop
from tests.e2e.letter import Letter, read_letter
from tests.hosts import as_root


@dataclass(frozen=True)
class Pair:
    """The two of them, and root on it, who prepares the ground."""

    attacker: Letter
    victim: Letter
    laptop: Laptop

    @property
    def names(self) -> dict[str, str]:
        """What the texts of attacks may name."""
        return {
            "me": self.attacker.username,
            "victim": self.victim.username,
            "port": self.victim.port,
            "token": self.victim.token,
            "work": "/home/ubuntu/machine_learning_aws/daily_user",
        }

    def shell(self, line: str) -> bool:
        """Type `line` into the attacker's shell, over ssh with the password; returns whether it succeeded."""
        # The terminal echoes what is typed, so the mark is spelled otherwise there; other typed text is not for `line`.
        typed = f"{{ {line}; }} < /dev/null && echo attack-$((40 + 2)); exit 0"
        return "attack-42" in self.laptop.log_in(self.attacker, typed)

    def root(self, script: str) -> None:
        """Run `script` as root on their machine."""
        as_root(self.victim.seat, script, STATE / "class")


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Bring up the class and take it down again."""
    home = tmp_path_factory.mktemp("laptop")
    header, *students = ROSTER.read_text().splitlines()
    (home / "students.csv").write_text("\n".join([header, *students[:2], ""]))
    extra = json.dumps({"class_students_per_machine": 2})
    try:
        command(f"make lab STUDENTS={home}/students.csv EXTRA='{extra}'")
        victim, attacker = (read_letter(path) for path in mails())
        yield Pair(attacker, victim, Laptop(home))
    finally:
        command("make lab-down DISCARD=1")
