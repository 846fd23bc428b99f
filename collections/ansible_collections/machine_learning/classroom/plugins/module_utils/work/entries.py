"""What lies in a folder: each file, link and folder with its signature, met by one walk that follows nothing.

Machine and home speak of a student's folder as paths with entries. While the signature of an entry stays, its content
need be neither read nor sent.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import open_folder, write_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE, LINK, FOLDER = "f", "l", "d"

DEEPEST = 200
"""Levels of folders. Every level holds a file descriptor open; nobody nests this deep except to do harm."""

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Entry(NamedTuple):
    """One thing in a folder. All but `digest` is its signature: while that stays, the content stays.

    The change time cannot be set by a student, unlike the modification time; so a forged mtime hides nothing.
    """

    kind: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    digest: str = ""
    """SHA-256 of a file, target of a link."""

    @property
    def signature(self) -> tuple[str, int, int, int, int, int]:
        """All that tells whether the content may have changed."""
        return self[:6]


A_FOLDER = Entry(FOLDER, 0, 0, 0, 0, 0)
"""Of a folder only the existence counts: its times change with every file in it."""


def displaced(paths: Iterable[str], by: Mapping[str, Entry]) -> set[str]:
    """Return which of `paths` cannot be beside `by`, for they lie in a folder that is none there."""
    return {path for path in paths if any(by.get(parent, A_FOLDER).kind != FOLDER for parent in _parents(path))}


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


@dataclass
class Survey:
    """What one walk through a folder met, by path."""

    found: dict[str, Entry] = field(default_factory=dict)
    special: dict[str, str] = field(default_factory=dict)
    """Not files: path and what it is."""
    blind: dict[str, str] = field(default_factory=dict)
    """Folders that could not be looked into: path and why."""


def entry_of(status: os.stat_result) -> Entry:
    """Return the entry, without digest, of a file or link with this `status`."""
    kind = LINK if stat.S_ISLNK(status.st_mode) else FILE
    return Entry(kind, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode & 0o7777)


def survey(root: int) -> Survey:
    """Walk the open folder `root`."""
    result = Survey()
    owner = os.fstat(root)
    _walk(root, "", 0, owner, result)
    return result


def _walk(folder: int, prefix: str, level: int, owner: os.stat_result, result: Survey) -> None:
    with os.scandir(folder) as listing:
        names = sorted(listing, key=lambda entry: entry.name)
    for name in names:
        path = prefix + text(name.name)
        try:
            status = name.stat(follow_symlinks=False)
            kind = stat.S_IFMT(status.st_mode)
            if kind == stat.S_IFDIR:
                if level == DEEPEST:
                    result.blind[path] = f"more than {DEEPEST} folders deep"
                elif status.st_dev != owner.st_dev:
                    result.blind[path] = "another file system is mounted there"
                else:
                    result.found[path] = A_FOLDER
                    with open_folder(folder, text(name.name)) as below:
                        _walk(below, path + "/", level + 1, owner, result)
            elif kind in _SPECIAL:
                result.special[path] = _SPECIAL[kind]
            elif kind == stat.S_IFREG and status.st_nlink > 1 and status.st_uid != owner.st_uid:
                # We read as root: a hard link must not make us hand out what its maker may not read.
                result.special[path] = "a hard link to a file of another account"
            else:
                result.found[path] = entry_of(status)
        except FileNotFoundError:
            pass  # deleted since the folder was listed: the next look decides
        except OSError as error:
            result.blind[path] = error.strerror or "cannot be read"


def write_entry(folder: int, name: str, entry: Entry, pieces: Iterable[bytes], mode: int) -> str:
    """Write the new file `name` with the time of `entry` and return the SHA-256 of what it holds; see `write_new`."""
    digest = write_new(folder, name, pieces, mode=mode)
    set_time(name, folder, entry)
    return digest


def set_time(name: str, folder: int, entry: Entry) -> bool:
    """Set the modification time; False if this disk has no such time (students can set any)."""
    try:
        os.utime(raw(name), ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)
    except (OSError, OverflowError):
        return False
    return True
