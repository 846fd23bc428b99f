"""Follows docs/adding-a-role.md to the letter, in a copy of the project."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tools import PROJECT, project_copy

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (PROJECT / "docs" / "adding-a-role.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([^`]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
BLOCKS = re.findall(r"```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# Where the new role is called, and in front of which task.
CALLER = "playbooks/parts/on_every_machine.yml"
NEXT = "- name: Remember that the machine is ready\n"


def block(opening: str) -> str:
    """Return the block of the page that begins so."""
    (found,) = (text for text in BLOCKS if text.startswith(opening))
    return str(found)


def follow(folder: Path) -> None:
    """Copy the project into the new or empty `folder` and do there what the page says."""
    project_copy.copy_to(folder)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    # Instead of at the end of the file: the other roles' inputs were asked for already.
    (folder / "tests" / "unit" / "roles" / "role_inputs.yml").write_text("---\n" + block("limits:\n  - inputs:"))
    with (folder / "molecule" / "mutants.yml").open("a") as mutants:
        mutants.write("\n" + block("limits:\n  - breaks:"))
    tasks = (folder / CALLER).read_text()
    assert CALLER in PAGE
    assert NEXT.split(": ")[1].strip() in PAGE.replace("\n", " ")
    assert tasks.count(NEXT) == 1
    (folder / CALLER).write_text(tasks.replace(NEXT, f"{block('- name: Limit')}\n{NEXT}"))
    run(folder, sys.executable, "-m", "tools.docs")


def run(folder: Path, *command: str) -> None:
    """Run a command in the copy; its words are the failure's."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
