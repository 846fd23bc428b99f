"""Students whose letters are due, and the role mail run for them: ansible-playbook itself, with a mail server here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.mail_server import MailServer
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

RELAY = b"plugin_utils.mail.relay"
TEXT = """\
{% if student.username != 'nobody' %}
Dear {{ student.name }},
{% endif %}
{{ class_name }}: {{ tunnel }} {{ student.password }} {{ link }}
"""
SECRET = "never-to-be-printed"


class MailClass:
    """Students, a state folder, and a mail server."""

    def __init__(self, base: Path, students: int, **server: Any) -> None:
        """Nobody has a letter. `server` says what is special about the mail server."""
        self.state = base / "state"
        for folder in ("letters", "receipts"):
            (self.state / folder).mkdir(parents=True)
        self.template = base / "letter.txt.j2"
        self.template.write_text(TEXT)
        self.server = MailServer(base / "server", **server)
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
            **self.server.settings,
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
            self.said, _ = run.communicate(timeout=240)
        assert "Traceback" not in self.said
        assert SECRET not in self.said
        return run.returncode

    @property
    def kept(self) -> dict[str, tuple[int, int]]:
        """Of each file that is kept, what tells whether it was written anew."""
        files = (path for folder in ("letters", "receipts") for path in (self.state / folder).iterdir())
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}

    @property
    def receipts(self) -> list[str]:
        """Of whose letter there is a receipt: a whole one, not what a killed relay had begun to write."""
        return sorted(path.stem for path in (self.state / "receipts").glob("*.json"))


def relay_of(run: subprocess.Popen[str]) -> int:
    """Return the process of the relay that a run has begun."""
    (relay,) = (
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if RELAY in _read(process / "cmdline") and _parent(_parent(int(process.name))) == run.pid
    )
    return relay


def is_relay(process: int) -> bool:
    """Say whether this process is a relay, and runs."""
    return RELAY in _read(Path(f"/proc/{process}/cmdline"))


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until the condition holds."""
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.05)


def _parent(process: int) -> int:
    return int(_read(Path(f"/proc/{process}/stat")).rpartition(b")")[2].split()[1] or 0)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b") - 0"  # it has just ended
