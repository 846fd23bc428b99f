"""Programs of ours on a machine that are Python packages: wheels, each by its hash, in a folder of their own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host


def key(requirements: str) -> str:
    """Return what tells one list of requirements from another: the SHA-256 of its text."""
    return hashlib.sha256(requirements.encode()).hexdigest()


def install(
    host: Host,
    folder: Path,
    requirements: str,
    *,
    name: str,
    pip_archive: str,
    index_options: Sequence[str],
    time_limit: int,
) -> None:
    """Install what `requirements` lists, with hashes, into `folder`, which appears whole or not at all.

    `name` is what it is to people. Other folders beside it, of older lists, are removed. `pip_archive` is pip as a zip
    file, `index_options` say to it where it finds packages; `time_limit` is in seconds. Fails in words.
    """
    new = folder.with_name(f".new-{folder.name}")
    if not host.change(f"installed {name}"):
        return
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    listed = new / "requirements.txt"
    listed.write_text(requirements)
    argv = [
        *(sys.executable, f"{pip_archive}/pip", "install", "--quiet", "--no-input", "--no-cache-dir"),
        *("--disable-pip-version-check", "--require-hashes", "--no-deps", "--only-binary=:all:"),
        *index_options,
        *("--target", str(new), "--requirement", str(listed)),
    ]
    whom = name[0].upper() + name[1:]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, timeout=time_limit)
    except subprocess.TimeoutExpired:
        host.fail(f"{whom} was not there after {time_limit} s. Run again.")
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        host.fail(f"{whom} could not be installed: {' / '.join(said[-2:]) or 'pip said nothing'}. Run again.")
    new.rename(folder)
    for old in folder.parent.iterdir():
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
