"""Files in folders that somebody else may change at any moment, by accident or on purpose.

No path is ever followed: each folder on the way is opened by its own name with O_NOFOLLOW, and a file without waiting
for whoever put a pipe in its place. A new file is written to the end under a name that nobody looks for (`write_new`).
It gets its own in one step, which never replaces anything (`move_new`), or lets it change places with what is there,
so that what went away can be looked at (`exchange`).

Standard library only: machines run this with their own Python. So does the control node, which may be a Mac, but for
`move_new` and `exchange`, which only Linux has.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK = 1 << 20
"""Bytes that are read or written at once."""

NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)
"""The numbers of the OSError that `open_folder` raises for a file or a link in a folder's place."""

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: neither a pipe put in a file's place nor a lease on the file may hold us.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OPEN_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_ZEROS = bytes(BLOCK)
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def open_root(path: str, *, follow: bool = True) -> Iterator[int]:
    """Open the folder `path`, which the instructor chose: it may be reached through links, and be one if `follow`."""
    handle = os.open(path, _OPEN_FOLDER & ~os.O_NOFOLLOW if follow else _OPEN_FOLDER)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_folder(root: int, path: str, *, make: bool = False, mode: int = 0o700) -> Iterator[int]:
    """Open the folder `path` below the open folder `root` without following a link; `make` what is missing.

    Raise OSError if a part of it is missing, is no folder or is a link (`NO_FOLDER`).
    """
    handle = os.dup(root)
    try:
        for part in path.split("/") if path else ():
            if make:
                with suppress(FileExistsError):
                    os.mkdir(raw(part), mode, dir_fd=handle)
            below = os.open(raw(part), _OPEN_FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_file(root: int, path: str) -> Iterator[int]:
    """Open the file `path` below the open folder `root` for reading, without following a link or waiting.

    Raise OSError if there is none. It may be a pipe or the like: whoever cares looks at its status.
    """
    parent, _, name = path.rpartition("/")
    with open_folder(root, parent) as folder:
        handle = os.open(raw(name), _OPEN_FILE, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def reader(root: int, path: str) -> BinaryIO:
    """Return the file `path` below the open folder `root`, opened as by `open_file`."""
    with open_file(root, path) as handle:
        return open(os.dup(handle), "rb")


def blocks(handle: int, size: int) -> Iterator[bytes]:
    """Read `size` bytes of an open file, and one more if there is one, so that growth shows but is not followed."""
    left = size + 1
    while left > 0 and (block := os.read(handle, min(BLOCK, left))):
        left -= len(block)
        yield block


def digest_of(pieces: Iterable[bytes]) -> str:
    """Return the SHA-256 of `pieces`, one after the other."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def write_new(folder: int, name: str, pieces: Iterable[bytes], *, mode: int, sync: bool = False) -> str:
    """Write the new file `name` to the end and return the SHA-256 of what it holds; with `sync` it is on the disk then.

    Raise FileExistsError if something bears the name. A file that cannot be written to the end is removed again.
    """
    digest, length = hashlib.sha256(), 0
    handle = os.open(raw(name), _OPEN_NEW, 0o600, dir_fd=folder)
    try:
        with open(handle, "wb", buffering=0) as out:
            for block in pieces:
                digest.update(block)
                length += len(block)
                _write(handle, block)
            out.truncate(length)
            os.fchmod(handle, mode)
            if sync:
                os.fsync(handle)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(raw(name), dir_fd=folder)
        raise
    return digest.hexdigest()


def _write(handle: int, block: bytes) -> None:
    """Write `block`, or leave a hole for zeros: a sparse file of gigabytes stays small."""
    if block == _ZEROS[: len(block)]:
        os.lseek(handle, len(block), os.SEEK_CUR)
        return
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]


def move_new(source: int, name: str, target: int, new_name: str) -> None:
    """Let `name` in the open folder `source` become `new_name` in `target`, in one step; it may be of any kind.

    Raise FileExistsError if something bears `new_name`: nothing is ever replaced, not even an empty folder.
    """
    # Not by link(2), which does the same for files alone: of a file that is another's nobody may make a link.
    _rename(source, name, target, new_name, _RENAME_NOREPLACE)


def move_to_free_name(source: int, name: str, target: int, names: Iterable[str]) -> str:
    """Move as `move_new` does, to the first of the endless `names` that nothing bears; return that name."""
    for free in names:
        with suppress(FileExistsError):
            move_new(source, name, target, free)
            return free
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def exchange(folder: int, one: str, other: str) -> None:
    """Let two names of `folder` change places, in one step."""
    _rename(folder, one, folder, other, _RENAME_EXCHANGE)


def _rename(source: int, old: str, target: int, new: str, flags: int) -> None:
    """Rename as renameat2(2) does; Python has no word for its flags."""
    if _libc.renameat2(source, raw(old), target, raw(new), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new)


def flush(path: str) -> None:
    """Have the disk that holds `path`, and no other, write what it was given; raise OSError if it could not."""
    try:
        sync = _libc.syncfs
    except AttributeError:  # macOS
        os.sync()
        return
    with open_root(path) as folder:
        if sync(folder) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
