"""The Ansible module that sends letters, alone: without the relay that verifies whom it speaks to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.mail_server import SENDER


def send_by_the_module_alone(port: int, recipient: str, **mail: Any) -> int:
    """Send a letter to a server on this computer; return the exit status."""
    letter = {"host": "127.0.0.1", "port": port, "sender": SENDER, "to": recipient, "subject": "Hello"}
    ansible = str(Path(sys.executable).with_name("ansible"))
    run = subprocess.run(
        [ansible, "localhost", "-m", "community.general.mail", "-a", json.dumps(letter | mail)],
        env={name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        check=False,
        capture_output=True,
        timeout=120,
    )
    return run.returncode
