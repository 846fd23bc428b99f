"""pip as it travels to the machines."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.pip_archive import pip_archive

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_pip_travels_as_an_archive_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(tmp_path), raising=False)
    archive = pip_archive()
    first = archive.read_bytes()
    said = subprocess.check_output(["/usr/bin/env", "python3", f"{archive}/pip", "--version"], text=True)
    assert said.startswith("pip ")
    archive.unlink()
    assert pip_archive().read_bytes() == first
    with zipfile.ZipFile(archive) as zipped:
        assert not [name for name in zipped.namelist() if not name.startswith("pip/")]
