"""The history that a machine keeps of a student's folder: every few minutes a timer saves what is new.

It runs as the student whom the folder belongs to, without Ansible and with the machine's own Python
(`student_program`); the student finds what was saved by `student_commands`. The history is of the same kind as the
instructor's (`history`), so the bytes stay as they are, whatever git thinks of their names. Standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import open_root, reader
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import entries
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.collector import collect
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import FOLDER, Entry
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import (
    CommandError,
    HistoryError,
    NoRoomError,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import History, Owner, Version
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import pack_known, unpack_known
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.trash import (
    PLACE,
    REMEDY,
    Trash,
    remember,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAVED = "Saved"
REMOVED = "removed.json"
"""What went from the trash, beside the history."""
TRIES = 3
"""A file may change between the look at the folder and the reading of its content."""
SPARE_BYTES = 256 << 20
"""What saving leaves free on the machine's disk: the student's own saving comes first."""
ENOUGH_TO_DROP = 50
"""Versions that are no longer wanted go together, since it rewrites the history."""


@dataclass(frozen=True)
class Settings:
    """What the instructor decided: where the folders and the histories of all students are, and how much is kept."""

    source: str
    store: str
    largest_mb: int
    most_mb: int
    days: int
    minutes: int

    @classmethod
    def read(cls, path: str) -> Settings:
        """Return what the file `path` says."""
        with open(path, encoding="utf-8") as file:
            return cls(**json.load(file))


class Autosaver:
    """Saves the folder of `username`, whose home is `home`, into the history on this machine."""

    def __init__(self, settings: Settings, username: str, home: str) -> None:
        """Nothing is made yet, but the folder of the history must be there: the service makes it."""
        self.settings, self.username = settings, username
        self.store = os.path.join(settings.store, username)
        self.history = History(os.path.join(self.store, "history.git"))
        self._known_file = os.path.join(self.store, "known")
        self._trash = Trash(os.path.join(home, PLACE), os.path.join(settings.source, username), self.history)

    def save(self) -> str:
        """Keep what is new in the folder; return the commit, "" if nothing is new.

        Raise CommandError if the disk is nearly full, HistoryError or OSError for what a later save may not meet.
        """
        with self._locked():
            self.history.git.tidy()
            if self.history.owner() is None:
                self.history.make(Owner("", self.username))
            self._drop_old()
            self._make_room()  # of what is saved still, so after the old is dropped
            for tries in range(TRIES, 0, -1):
                try:
                    # Not by way of the folder above, whose list of students is not the student's to read.
                    with open_root(os.path.join(self.settings.source, self.username)) as root:
                        return self._save(root)
                except NoRoomError:
                    raise
                except (HistoryError, FileNotFoundError):
                    if tries == 1:
                        raise
        return ""

    def _make_room(self) -> None:
        """Empty the trash as far as it has to be and may be; what hinders that hinders no save."""
        with suppress(OSError, HistoryError):
            for removed in self._trash.make_room():
                remember(os.path.join(self.store, REMOVED), removed)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for another one that saves; the kernel ends the lock with the process."""
        handle = os.open(os.path.join(self.store, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _save(self, root: int) -> str:
        old = self.history.state()
        known = self._known(old)
        manifest = collect(root, known, None, largest=self.settings.largest_mb << 20)
        gone = manifest.leaving(known)
        files = {path: entry for path, entry in known.items() if path not in gone}
        files |= {path: entry for path, (entry, _) in manifest.put.items()}
        new = State(files=files, incomplete=sorted({*manifest.unstable, *manifest.left}))
        commit = ""
        if not new.same_work(old):
            disk = os.statvfs(self.store)
            if disk.f_bavail * disk.f_frsize < manifest.allocated + SPARE_BYTES:
                raise CommandError(f"the disk is nearly full, so nothing was saved. {REMEDY}")
            commit = self.history.commit(new, old, lambda path: reader(root, path), {}, SAVED)
            self.history.git.pack()
        records.write_bytes(self._known_file, pack_known(files).encode())
        return commit

    def _known(self, old: State) -> dict[str, Entry]:
        """Return what the history has, with the signatures that the files had then as far as they are known."""
        seen: dict[str, Entry] = {}
        with suppress(OSError, ValueError, TypeError), open(self._known_file, encoding="ascii") as file:
            seen = unpack_known(file.read())
        known = {}
        for path, entry in old.files.items():
            before = seen.get(path)
            same = before is not None and (before.kind, before.digest) == (entry.kind, entry.digest)
            known[path] = before if before is not None and same else entry
            if entry.kind == FOLDER:
                known[path] = entries.A_FOLDER
        return known

    def _drop_old(self) -> None:
        """Forget versions that are too old, or too many for the space that a history may take."""
        versions = self.history.versions()
        keep = wanted(versions, datetime.now(UTC) - timedelta(days=self.settings.days))
        if len(versions) - len(keep) < ENOUGH_TO_DROP:
            keep = versions
        if size_of(self.history.path) > self.settings.most_mb << 20:
            keep = keep[: max(1, len(keep) // 2)]
        if len(keep) < len(versions):
            self._keep_only(keep)

    def _keep_only(self, keep: Sequence[Version]) -> None:
        """Rewrite the history, so that it has only these versions, newest first; git moves the branch at the end."""
        lines = self.history.git.ask("log", "--format=%H %T", BRANCH).decode().splitlines()
        trees = dict(line.split() for line in lines)
        kept = [Saved(int(version.time.timestamp()), trees[version.commit]) for version in reversed(keep)]
        self.history.append(BRANCH, kept, SAVED, anew=True)
        self.history.git.ask("gc", "--quiet", "--prune=now")


def wanted(versions: Sequence[Version], all_since: datetime) -> list[Version]:
    """Return of `versions`, newest first, all since that time, and of each day before it the last one."""
    kept: list[Version] = []
    for version in versions:
        if version.time >= all_since or not kept or kept[-1].time.date() != version.time.date():
            kept.append(version)
    return kept


def size_of(folder: str) -> int:
    """Return the size in bytes of all files below `folder`, which is ours alone."""
    return sum(os.lstat(os.path.join(below, name)).st_size for below, _, names in os.walk(folder) for name in names)
