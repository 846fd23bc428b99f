"""Locks that hold although nothing was solved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock, LockedPackage
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.solver import request

from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path


def write_lock(path: Path) -> None:
    """Write a lock of the project's environment, with one package."""
    wanted = request(read(PROJECT / "environment.yml"), "", "linux-64", ["conda"])
    package = LockedPackage({"name": "some", "version": "1"}, "https://example.org/some-1-0.conda", "0" * 64)
    path.write_text(Lock(wanted, (package,)).text())
