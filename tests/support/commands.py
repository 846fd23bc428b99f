"""Commands on the lab as a user types them, and what comes of them: screens, letters, API calls, files on machines."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.support.class_machines import as_root, running
from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

STATE = PROJECT / "lab/state"
ROSTER = PROJECT / "students.example.csv"
PROJECT_ON_MACHINE = "/home/ubuntu/machine_learning_aws/daily_user"
TEARDOWN = "teardown.yml -e class_confirm_teardown=ml101"


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would tell Ansible or AWS anything."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}


def command(line: str, *, check: bool = True, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    """Run a shell command in the project as a user would, and show what it says."""
    print(f"$ {line}")
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=PROJECT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    print(done.stdout[-6000:], done.stderr[-3000:])
    if check and done.returncode:
        raise AssertionError(f"{line} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}")
    return done


def bring_lab_up(*options: str) -> None:
    """Bring the lab up with an EC2 that is never late: tests of what is late say how late."""
    command(" ".join([".venv/bin/python -m lab up --on-time", *options]))


def play(playbooks: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run playbooks on the lab as a user does who has sourced lab/activate."""
    return command(f"source lab/activate && ansible-playbook {playbooks}", check=check)


def on_machine(seat: str, script: str, *, check: bool = True) -> str:
    """Run a script as root on a machine and return what it prints."""
    said = as_root(seat, script, STATE / "class", check=check)
    print(f"{seat}# {script}\n{said[-6000:]}")
    return said


def on_all_machines(script: str) -> str:
    """Run a script as root on every machine at once and return all that they print, in the order of their seats."""
    with ThreadPoolExecutor() as pool:
        return "".join(pool.map(lambda seat: on_machine(seat, script), running()))


def requests() -> list[dict[str, Any]]:
    """Return the API calls that the endpoint has answered so far."""
    return [json.loads(line) for line in (STATE / "requests.jsonl").read_text().splitlines()]


def mails() -> list[Path]:
    """Return the letters that arrived, in their order."""
    return sorted((STATE / "mail").glob("*.eml"))


def recap(output: str) -> dict[str, dict[str, int]]:
    """Read the numbers of every host from the last PLAY RECAP."""
    rows = output.rpartition("PLAY RECAP")[2].splitlines()
    return {
        row.split(":")[0].strip(): {
            key: int(value) for key, value in (pair.split("=") for pair in row.split(":")[1].split())
        }
        for row in rows
        if " : ok=" in row
    }
