"""A course's environment.yml and its lock: the module conda_lock, run on them in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock, parse
from ansible_collections.machine_learning.classroom.plugins.modules import conda_lock

if TYPE_CHECKING:
    from pathlib import Path


class EnvironmentCourse:
    """A folder with environment.yml and its lock, and a mirror of channels beside it."""

    def __init__(self, folder: Path, mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """There is no file in `folder` yet."""
        self.environment = folder / "environment.yml"
        self.lock_file = folder / "environment.lock"
        self.mirror = mirror
        self._capsys = capsys

    def run(self, text: str = "", **more: Any) -> dict[str, Any]:
        """Run the module, with `text` as environment.yml if there is any; return its result."""
        if text:
            self.environment.write_text(text)
        arguments = {
            "environment_file": str(self.environment),
            "lock_file": str(self.lock_file),
            "mirror_url": self.mirror.as_uri(),
            **more,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            conda_lock.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result

    def refused(self, text: str) -> str:
        """Return in which words a file is refused, which leaves the lock as it is."""
        before = self._kept()
        result = self.run(text)
        assert result.get("failed"), result
        assert self._kept() == before
        return str(result["msg"])

    def locked(self, text: str) -> Lock:
        """Return the lock of a file."""
        result = self.run(text)
        assert not result.get("failed"), result["msg"]
        return self.lock

    @property
    def lock(self) -> Lock:
        """What the lock says."""
        return parse(self.lock_file.read_text(), self.lock_file.name)

    def _kept(self) -> str:
        return self.lock_file.read_text() if self.lock_file.exists() else ""
