"""The folder at home with one student's work, as it was at the last collect.

The collect brings it to what the machine has. What it removes or replaces must be in the history already: whatever was
changed here since we looked stays, and the collect ends. Paths are opened part by part without following links, for
the names in them are the student's.

A record, `.records/USERNAME.json`, knows which signature each file had on the machine and has here, so that only what
changed is read and travels. It only saves time: without it, files are hashed again on both sides.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    NO_FOLDER,
    blocks,
    digest_of,
    open_file,
    open_folder,
    open_root,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.arrivals import mode_at_home
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    A_FOLDER,
    FILE,
    FOLDER,
    LINK,
    Entry,
    entry_of,
    set_time,
    survey,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.arrivals import Arrivals
    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest

_RECORD_VERSION = 1


@dataclass
class Counts:
    """What a collect did at home, in files and links; `adjusted` are new folders, and new times or modes of files."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    adjusted: int = 0
    version: str = ""
    """The commit that was made; empty if the newest one has it all."""

    def any(self) -> bool:
        """Say whether anything at home changed."""
        return bool(self.new or self.changed or self.removed or self.adjusted or self.version)


class HomeFolder:
    """The folder `name` below `home`, a path."""

    def __init__(self, home: str, name: str, record: str) -> None:
        """Nothing is made or read yet; `record` is the path of the record."""
        self.path = os.path.join(home, name)
        self.broken: set[str] = set()
        """Notebooks here that do not parse, as far as known."""
        self._home, self._name, self._record_path = home, name, record
        self._record: dict[str, list[Any]] = {}
        self._known: dict[str, Entry] = {}
        self._here: dict[str, Entry] = {}

    def look(self) -> dict[str, Entry]:
        """Return what is here now: path to entry as the machine last had it, so that it can tell what is new.

        A file whose signature on the machine is unknown is hashed and has a signature that matches nothing.
        """
        self._record, self.broken = self._read_record()
        self._known, self._here = {}, {}
        if self.exists():
            with self.opened() as root:
                found = survey(root)
                for path, why in found.blind.items():
                    raise WorkError(
                        f"{self.path}/{printable(path)} cannot be read here ({why}). "
                        "Make it readable, or move it out of the folder; then run again."
                    )
                self._here = found.found
                for path, entry in found.found.items():
                    self._known[path] = self._known_entry(root, path, entry)
        return self._known

    def exists(self) -> bool:
        """Say whether there is anything of this name."""
        return os.path.lexists(self.path)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open the folder; raise WorkError if something else is in its place."""
        with ExitStack() as opened:
            home = opened.enter_context(open_root(self._home))
            try:
                root = opened.enter_context(open_folder(home, self._name))
            except OSError as error:
                if error.errno in NO_FOLDER:
                    raise WorkError(f"{self.path} is in the way: it is no folder. Move it, then run again.") from error
                raise
            yield root

    def has(self, path: str, entry: Entry) -> bool:
        """Say whether the content of `entry` is at `path` here."""
        old = self._known.get(path)
        return old is not None and (old.kind, old.digest) == (entry.kind, entry.digest)

    def entries(self) -> dict[str, Entry]:
        """Return what is here, for the history: with its time and mode here, where the machine's are unknown."""
        return {path: self._dated(path, entry) for path, entry in self._known.items()}

    def broken_after(self, manifest: Manifest, files: Collection[str]) -> list[str]:
        """Return which of `files` are notebooks that do not parse, once `manifest` was applied."""
        resent = {path for path, (_, at) in manifest.put.items() if at >= 0}
        return sorted(path for path in (self.broken - resent) | set(manifest.broken) if path in files)

    def foresee(self, manifest: Manifest) -> Counts:
        """Return what `apply` would do; the machine need not have sent any content."""
        gone = manifest.leaving(self._known)
        counts = Counts(removed=sum(self._known.get(path, A_FOLDER).kind != FOLDER for path in gone))
        for path, (entry, at) in manifest.put.items():
            here = self._here.get(path)
            if entry.kind == FOLDER:
                counts.adjusted += 1
            elif here is None:
                counts.new += 1
            elif entry.kind == FILE and at < 0:
                counts.adjusted += (here.mtime_ns, here.mode) != (entry.mtime_ns, mode_at_home(entry))
            else:
                counts.changed += not self.has(path, entry)
        return counts

    def apply(self, manifest: Manifest, arrived: Arrivals) -> Counts:
        """Bring the folder to what `manifest` says, with the contents that `arrived`; return what changed.

        Each file is whole at any moment, the old one or the new one. Raise WorkError if something was changed here
        since `look`, or if the disk cannot hold the result.
        """
        counts = Counts()
        with suppress(FileExistsError):
            os.mkdir(self.path, 0o700)
        with self.opened() as root:
            for path in sorted(manifest.gone, reverse=True):  # what is in a folder before the folder
                removed = self._clear(root, path)
                counts.removed += removed and self._known.get(path, A_FOLDER).kind != FOLDER
                counts.adjusted += removed and self._known.get(path, A_FOLDER).kind == FOLDER
            for path in sorted(manifest.put, key=lambda path: path.split("/")):  # a folder before what is in it
                self._put(root, path, *manifest.put[path], arrived, counts)
            self._remember(root, manifest, arrived)
        return counts

    def _known_entry(self, root: int, path: str, here: Entry) -> Entry:
        if here.kind == FOLDER:
            return A_FOLDER
        row = self._record.get(path)
        if row is not None and tuple(row[7:]) == here.signature:
            return Entry(*row[:7])
        if here.kind == LINK:
            return Entry(LINK, 0, 0, 0, 0, 0, _target(root, path))
        with open_file(root, path) as handle:
            return Entry(FILE, here.size, 0, 0, 0, 0, digest_of(blocks(handle, here.size)))

    def _dated(self, path: str, entry: Entry) -> Entry:
        if entry.kind == FOLDER or entry.mtime_ns or entry.mode:
            return entry
        now = self._here[path]
        return entry._replace(size=now.size, mtime_ns=now.mtime_ns, mode=now.mode)

    def _put(self, root: int, path: str, entry: Entry, at: int, arrived: Arrivals, counts: Counts) -> None:
        """Let `path` be what `entry` says; its content has arrived unless `at` is negative."""
        parent, _, name = path.rpartition("/")
        with open_folder(root, parent) as folder:
            here = _status(folder, name)
            if entry.kind == FOLDER:
                if here is None or not stat.S_ISDIR(here.st_mode):
                    self._clear(root, path)
                    os.mkdir(raw(name), 0o700, dir_fd=folder)
                    counts.adjusted += 1
                return
            if entry.kind == FILE and at < 0:
                if here is None or entry_of(here) != self._here[path]:
                    raise self._changed(path)
                counts.adjusted += _adjust(folder, name, entry, here)
                return
            if entry.kind == LINK:
                if here is not None and stat.S_ISLNK(here.st_mode) and _target(root, path) == entry.digest:
                    return
                arrived.link(path, entry)
            if here is None:
                counts.new += 1
            else:
                counts.changed += 1
                if stat.S_ISDIR(here.st_mode):
                    self._clear(root, path)
                elif path in self._here and entry_of(here) != self._here[path]:
                    raise self._changed(path)
            arrived.settle(path, folder, name)

    def _clear(self, root: int, path: str) -> bool:
        """Remove what the history has of `path`; False if there is nothing.

        What came here since we looked is in no history yet. So it stays, and the next collect finds it.
        """
        parent, _, name = path.rpartition("/")
        try:
            with open_folder(root, parent) as folder:
                here = _status(folder, name)
                if here is None:
                    return False
                if not stat.S_ISDIR(here.st_mode):
                    if path in self._here and entry_of(here) != self._here[path]:
                        raise self._changed(path)
                    os.unlink(raw(name), dir_fd=folder)
                    return True
                with open_folder(folder, name) as inside:
                    below = survey(inside)
                if below.blind or any(entry.kind != FOLDER for entry in below.found.values()):
                    raise self._changed(path)
                shutil.rmtree(raw(name), dir_fd=folder)  # pipes and the like may be in it
        except FileNotFoundError:
            return False
        return True

    def _changed(self, path: str) -> WorkError:
        return WorkError(f"{self.path}/{printable(path)} was changed during the collect. Run again.")

    def _remember(self, root: int, manifest: Manifest, arrived: Arrivals) -> None:
        """Check that the folder is what it should be, and write down which file is which."""
        gone = set(manifest.gone)
        wanted = {path: entry for path, entry in self._known.items() if path not in gone}
        wanted |= {path: entry for path, (entry, _) in manifest.put.items()}
        here = survey(root).found
        for path, entry in wanted.items():
            found = here.get(path)
            # Where names differ only by case, or in bytes that this disk does not keep, one file replaced another.
            if found is None or found.kind != entry.kind or arrived.inodes.get(path, found.inode) != found.inode:
                raise WorkError(
                    f"{self.path} cannot hold {printable(path)}: the disk does not tell it from another name, or it "
                    "was changed here during the collect. Run again, or set class_work_home to a disk that can."
                )
        # What this run did not touch is recorded as it was when it was compared: a later edit here must show next time.
        here |= {path: self._here[path] for path in wanted if path not in manifest.put}
        files = {path: [*entry, *here[path].signature] for path, entry in wanted.items() if entry.kind != FOLDER}
        self.broken = set(self.broken_after(manifest, files))
        if files != self._record:
            self._write_record(files)

    def _write_record(self, files: dict[str, list[Any]]) -> None:
        record = {"version": _RECORD_VERSION, "files": files, "broken": sorted(self.broken)}
        beside = f"{self._record_path.removesuffix('.json')}.new"
        with open(beside, "w", encoding="ascii") as out:
            out.write(json.dumps(record, separators=(",", ":")))
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, self._record_path)
        self._record = files

    def _read_record(self) -> tuple[dict[str, list[Any]], set[str]]:
        try:
            with open(self._record_path, encoding="ascii") as record:
                values = json.load(record)
            if values["version"] == _RECORD_VERSION:
                return dict(values["files"]), set(values["broken"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {}, set()


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _target(root: int, path: str) -> str:
    """Return where the link `path` leads."""
    parent, _, name = path.rpartition("/")
    with open_folder(root, parent) as folder:
        return text(os.readlink(raw(name), dir_fd=folder))


def _adjust(folder: int, name: str, entry: Entry, here: os.stat_result) -> bool:
    """Give a file whose content is right the machine's time and mode; say whether that changed anything."""
    changed = False
    if here.st_mode & 0o7777 != mode_at_home(entry):
        with open_file(folder, name) as handle:
            os.chmod(handle, mode_at_home(entry))
        changed = True
    if here.st_mtime_ns != entry.mtime_ns and set_time(name, folder, entry):
        now = os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
        changed = changed or now.st_mtime_ns != here.st_mtime_ns  # a disk may keep times less exactly
    return changed
