"""The trash that Jupyter's delete fills, and what goes from it when the disk is nearly full.

It is a student's safety net, so nothing goes from it of which the student's history does not hold the same bytes, read
again before. It has the layout of the freedesktop.org Trash specification 1.0: `files/NAME` is what was deleted,
`info/NAME.trashinfo` says when, and where it was. All of this runs as the student.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, count
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    blocks,
    digest_of,
    move_new,
    move_to_free_name,
    open_file,
    open_folder,
    open_root,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    FILE,
    FOLDER,
    LINK,
    Entry,
    entry_of,
    survey,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import History

PLACE = ".local/share/Trash"
"""In a student's home: the specification's home trash, as long as XDG_DATA_HOME is not set."""
NEARLY_FULL = 0.9
REMEDY = f"Delete what you no longer need, also in ~/{PLACE}: there Jupyter puts what you delete."
REMEMBERED = 20
"""Things that went from the trash, which the student is told of."""
_LONGEST_INFO = 1 << 16  # bytes
# What is looked at lies here meanwhile: no file that is deleted at this moment can take its name.
_ASIDE = ".my-work"
Saved = dict[tuple[str, str], tuple[str, str]]
"""Kind and digest of what a history holds, to a commit and a path in it."""


class Removed(NamedTuple):
    """What went from the trash, and when (seconds since 1970)."""

    seconds: int
    path: str
    """Where it lay in the student's folder; its name in the trash if it did not lie there."""

    @property
    def time(self) -> datetime:
        """When it went."""
        return datetime.fromtimestamp(self.seconds, UTC)


def is_nearly_full(folder: str) -> bool:
    """Say whether the disk of `folder` is fuller than NEARLY_FULL, of what others than root may use."""
    disk = os.statvfs(folder)
    used = disk.f_blocks - disk.f_bfree
    return used > NEARLY_FULL * (used + disk.f_bavail)


class Trash:
    """The trash in `folder`; `source` is the student's own folder, and `history` what was saved of it."""

    def __init__(self, folder: str, source: str, history: History) -> None:
        """There need not be a trash."""
        self.folder, self.source, self.history = folder, source, history

    def make_room(self, is_full: Callable[[str], bool] = is_nearly_full) -> Iterator[Removed]:
        """Remove what is saved, the oldest first, as long as the disk is full; give each thing that went."""
        with suppress(FileNotFoundError), open_root(self.folder, follow=False) as trash:
            self._put_back(trash)
            if not is_full(self.folder):
                return
            saved = self._saved(trash)
            for name in self._oldest_first(trash):
                was_at = self._was_at(trash, name)
                if self._remove(trash, name, saved):
                    yield Removed(int(time.time()), was_at)
                    if not is_full(self.folder):
                        return

    def _put_back(self, trash: int) -> None:
        """Put back what a run that was killed looked at."""
        with suppress(FileNotFoundError):
            with open_folder(trash, _ASIDE) as aside:
                for name in os.listdir(aside):
                    _back(trash, aside, text(name))
            os.rmdir(_ASIDE, dir_fd=trash)

    def _saved(self, trash: int) -> Saved:
        """Return what the history holds that may be in the trash."""
        with open_folder(trash, "files") as files:
            sizes = {entry.size for entry in survey(files).found.values() if entry.kind == FILE}
        saved: Saved = {}
        for version in self.history.versions():
            for path, entry in self.history.state(version.commit).files.items():
                if entry.kind == LINK or (entry.kind == FILE and entry.size in sizes):
                    saved.setdefault((entry.kind, entry.digest), (version.commit, path))
        return saved

    def _oldest_first(self, trash: int) -> list[str]:
        with open_folder(trash, "files") as files:
            when = {}
            for name in map(text, os.listdir(files)):
                with suppress(FileNotFoundError):
                    changed = os.stat(raw(name), dir_fd=files, follow_symlinks=False).st_ctime
                    when[name] = _said(trash, name, "DeletionDate") or f"{datetime.fromtimestamp(changed):%FT%T}"
        return sorted(when, key=lambda name: (when[name], name))

    def _was_at(self, trash: int, name: str) -> str:
        path = unquote(_said(trash, name, "Path"), errors="surrogateescape")
        folder = os.path.realpath(self.source) + "/"
        return path.removeprefix(folder) if path.startswith(folder) else name

    def _remove(self, trash: int, name: str, saved: Saved) -> bool:
        """Remove a thing if all of it is saved; say whether it went."""
        with open_folder(trash, "files") as files, open_folder(trash, _ASIDE, make=True) as aside:
            try:
                move_new(files, name, aside, name)
            except FileNotFoundError:  # the student took it
                return False
            try:
                if not self._is_saved(aside, saved):
                    return False
                _remove_tree(aside, name)
            finally:
                _back(trash, aside, name)  # nothing, if it went
        with suppress(FileNotFoundError), open_folder(trash, "info") as info:
            os.unlink(raw(f"{name}.trashinfo"), dir_fd=info)
        return True

    def _is_saved(self, aside: int, saved: Saved) -> bool:
        """Say whether the history holds every byte of what lies in the open folder `aside`."""
        look = survey(aside)
        if look.special or look.blind:
            return False
        copies: dict[str, dict[str, str]] = {}
        for path, entry in look.found.items():
            if entry.kind == FOLDER:
                continue
            digest = _digest(aside, path, entry)
            if (entry.kind, digest) not in saved:
                return False
            if entry.kind == FILE:
                commit, copy = saved[entry.kind, digest]
                copies.setdefault(commit, {})[copy] = digest
        if not all(self._holds(commit, digests) for commit, digests in copies.items()):
            return False
        return survey(aside).found == look.found  # nobody wrote to it meanwhile

    def _holds(self, commit: str, digests: Mapping[str, str]) -> bool:
        """Say whether the bytes of these paths can be read, and are those."""
        pieces = self.history.git.contents(commit, [f"work/{encoded(path)}" for path in digests])
        try:
            return all(digest_of(content) == digest for content, digest in zip(pieces, digests.values(), strict=True))
        except HistoryError:
            return False


def remember(path: str, removed: Removed) -> None:
    """Add what went from the trash to the record at `path`."""
    records.write_json(path, {"removed": [*recall(path), removed][-REMEMBERED:]})


def recall(path: str) -> list[Removed]:
    """Return what went from the trash, the oldest first; the record is the student's, who may write anything to it."""
    rows = records.read_json(path).get("removed")
    return [
        Removed(*row)
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, list) and [type(value) for value in row] == [int, str] and 0 <= row[0] < 1 << 33
    ]


def _digest(root: int, path: str, entry: Entry) -> str:
    """Return the target of a link, the SHA-256 of a file; "" if it is not `entry` any more."""
    if entry.kind == LINK:
        parent, _, name = path.rpartition("/")
        with open_folder(root, parent) as folder:
            return text(os.readlink(raw(name), dir_fd=folder))
    with open_file(root, path) as handle:
        digest = digest_of(blocks(handle, entry.size))
        return digest if entry_of(os.fstat(handle)) == entry else ""


def _said(trash: int, name: str, key: str) -> str:
    """Return what `info/NAME.trashinfo` says of `key`, "" if nothing."""
    try:
        with reader(trash, f"info/{name}.trashinfo") as file:
            found = re.search(rf"^{key}=(.*)$", file.read(_LONGEST_INFO).decode(errors="replace"), re.MULTILINE)
    except OSError:
        return ""
    return found[1] if found else ""


def _back(trash: int, aside: int, name: str) -> None:
    with suppress(FileNotFoundError), open_folder(trash, "files", make=True) as files:
        move_to_free_name(aside, name, files, _names(name))


def _names(name: str) -> Iterator[str]:
    return chain([name], (f"{name[:200]}~{number}" for number in count(2)))


def _remove_tree(folder: int, name: str) -> None:
    try:
        os.unlink(raw(name), dir_fd=folder)
    except IsADirectoryError:
        shutil.rmtree(raw(name), dir_fd=folder)
