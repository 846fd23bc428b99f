"""A machine that saves a student's folder itself, and the home that its versions come to."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils.work import autosave
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import history as history_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import SAVED, Autosaver
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_export import Autosaved
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_import import known_saved
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import AUTOSAVES
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import KnownSaved, Saved

from tests.support.machine_and_home import Way

ROOT = os.geteuid() == 0
STUDENT = "nobody" if ROOT else pwd.getpwuid(os.getuid()).pw_name
MOST = 100 << 20
DAY = 86400
NINE = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())


class Desk(Way):
    """A student's folder on a machine that saves it, and its home."""

    def __post_init__(self) -> None:
        """Make the folders."""
        super().__post_init__()
        self.base.chmod(0o755)  # the student goes through it
        self.saves = self.base / "my-work"
        (self.saves / STUDENT).mkdir(parents=True, exist_ok=True)
        self.sent = 0
        """Bytes of the last pack."""
        self.clock = int(time.time()) - DAY
        """When the next save happens."""

    @property
    def there(self) -> Path:
        """The history on the machine."""
        return self.saves / STUDENT / "history.git"

    def save(self, **files: str) -> None:
        """Write files and save, as the machine does, a minute after the last time."""
        for name, content in files.items():
            (self.machine / f"{name}.txt").write_text(content)
        numbers = {"largest_mb": 1, "most_mb": 100, "days": 7, "minutes": 10}
        settings = autosave.Settings(str(self.machine.parent), str(self.saves), **numbers)
        if Autosaver(settings, STUDENT, "/nonexistent").save():
            (newest, *others) = self.on_machine()
            self.clock += 60
            self.write_anew(Saved(self.clock, newest.tree), *others)
        self.give_away()

    def give_away(self) -> None:
        """Let the history be the student's."""
        if ROOT:
            subprocess.run(["chown", "-hR", STUDENT, str(self.saves / STUDENT)], check=True)

    def on_machine(self) -> list[Saved]:
        """Return what the machine has, newest first."""
        lines = self.git("log", "--format=%ct %T", "main").splitlines()
        return [Saved(int(seconds), tree_) for seconds, tree_ in map(str.split, lines)]

    def write_anew(self, *kept: Saved) -> None:
        """Let the machine keep only these versions, newest first, as autosave does it."""
        history = history_module.History(str(self.there))
        history.append(BRANCH, kept[::-1], SAVED, anew=True)
        history.git.ask("gc", "--quiet", "--prune=now")
        self.give_away()

    def at(self, *seconds: int) -> None:
        """Let what was saved have been saved then, newest first."""
        self.write_anew(*(Saved(when, was.tree) for when, was in zip(seconds, self.on_machine(), strict=True)))

    def git(self, *words: str, given: str = "") -> str:
        """Run git in the history on the machine."""
        command = ["git", "--git-dir", str(self.there), *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout.strip()

    def bring(self, most_bytes: int = MOST) -> int:
        """Bring the work home and then what the machine saved, as the action does; return how many versions came."""
        with self.student().locked(1):
            home = self.student()
            known = KnownSaved.of(json.loads(json.dumps(known_saved(home.history)._asdict())))
            manifest, pack, home = self.manifest()
            home.receive(manifest, pack)
            return self.bring_saved(known, most_bytes)

    def bring_saved(self, known: KnownSaved, most_bytes: int = MOST) -> int:
        """Do the second half of `bring`."""
        home = self.student()
        made = str(self.base / "autosaved.pack")
        sent, pack = Autosaved(str(self.saves), STUDENT).send(known, lambda: made, most_bytes)
        self.sent = os.path.getsize(pack) if pack else 0
        home.make_incoming()
        try:
            return home.receive_autosaved(sent, pack) if sent else 0
        finally:
            home.discard()

    def kept_saved(self) -> list[dict[str, str]]:
        """Return what home has of the machine's versions, newest first, read by plain git: name to content."""
        path = self.history().path
        found = []
        for version in self.history().versions(AUTOSAVES):
            names = subprocess.run(
                ["git", "-C", path, "ls-tree", "-r", "--name-only", f"{version.commit}:work"],
                capture_output=True, text=True, check=False,
            ).stdout.split()  # fmt: skip
            show = [["git", "-C", path, "show", f"{version.commit}:work/{name}"] for name in names]
            texts = [
                subprocess.run(words, capture_output=True, check=True).stdout.decode(errors="replace") for words in show
            ]
            found.append(dict(zip(names, texts, strict=True)))
        return found


def essay(text: str) -> dict[str, str]:
    return {"essay.txt": text}
