"""Copies of the project, in which something may be changed or broken: the checkout itself stays whole."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

# What git does not keep and a copy cannot do without: the tools, and what tells how to reach the lab that is up.
SHARED = (".venv", "lab/state")


def names() -> list[str]:
    """Return the path of every file and link of the project, tracked or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [name for name in listed.split("\0") if name and os.path.lexists(PROJECT / name)]


def copy_to(folder: Path) -> None:
    """Make the new or empty `folder` a copy of the project as it is now, with a repository of its own."""
    for name in set(names()) - set(SHARED):  # which may be links here as well
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name, follow_symlinks=False)
    for name in SHARED:
        (folder / name).symlink_to(PROJECT / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
