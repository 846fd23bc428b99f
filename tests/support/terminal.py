"""A student at a terminal on a machine that saves the student's folder."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils.work import autosave
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import Autosaver
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.student_commands import StudentHistory


class Terminal:
    """A student's folder, the history of it, and the student at the terminal."""

    def __init__(self, base: Path, **decided: int) -> None:
        """Make the folders."""
        self.username = pwd.getpwuid(os.getuid()).pw_name
        self.folder = base / "daily_user" / self.username
        self.folder.mkdir(parents=True)
        (base / "store" / self.username).mkdir(parents=True)
        numbers = {"largest_mb": 1, "most_mb": 100, "days": 7, "minutes": 10} | decided
        self.settings = autosave.Settings(str(base / "daily_user"), str(base / "store"), **numbers)
        self.home = base / "home"
        self.saving = Autosaver(self.settings, self.username, str(self.home))

    def save(self, **files: str) -> str:
        """Write files and save."""
        for name, content in files.items():
            (self.folder / f"{name}.txt").write_text(content)
        return self.saving.save()

    def own(self, here: str = "/") -> StudentHistory:
        """Return what the student asks in a terminal."""
        return StudentHistory(self.settings, self.username, here)

    def back(self, name: str, when: str = "") -> str:
        """Bring back and return the name of what came."""
        return os.path.relpath(self.own().bring_back(name, when), self.folder)
