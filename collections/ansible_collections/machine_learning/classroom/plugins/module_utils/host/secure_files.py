"""Files in folders that somebody else may change at any moment, by accident or on purpose.

No path is ever followed: each folder on the way is opened by its own name with O_NOFOLLOW, and a file without waiting
for whoever put a pipe in its place. Standard library only: machines run this with their own Python.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(folder: int, one: str, other: str) -> None:
    """Let two names of `folder` change places, in one step."""
    rename(folder, one, other, RENAME_EXCHANGE)


def rename(folder: int, old: str, new: str, flags: int) -> None:
    """Rename as renameat2(2) does; Python has no word for its flags."""
    if _libc.renameat2(folder, os.fsencode(old), folder, os.fsencode(new), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new)


BLOCK = 1 << 20
_ZEROS = bytes(BLOCK)

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: neither a pipe put in a file's place nor a lease on the file may hold us.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def open_folder(root: int, path: str, *, make: bool = False) -> Iterator[int]:
    """Open the folder `path` below the open folder `root` without following a link; `make` what is missing.

    Raise OSError if a part of it is missing, is no folder or is a link.
    """
    handle = os.dup(root)
    try:
        for part in path.split("/") if path else ():
            if make:
                with suppress(FileExistsError):
                    os.mkdir(raw(part), 0o700, dir_fd=handle)
            below = os.open(raw(part), OPEN_FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_root(path: str) -> Iterator[int]:
    """Open the folder `path`, which the instructor chose: it may be reached through links."""
    handle = os.open(path, OPEN_FOLDER & ~os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_file(root: int, path: str) -> Iterator[int]:
    """Open the file `path` below the open folder `root` for reading, without following a link or waiting."""
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


def flush(path: str) -> None:
    """Have the disk that holds `path`, and no other, write what it was given; raise OSError if it could not."""
    try:
        sync = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:  # macOS
        os.sync()
        return
    with open_root(path) as folder:
        if sync(folder) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def write_sparse(handle: int, block: bytes) -> None:
    """Write `block`, or leave a hole for zeros: a sparse file of gigabytes stays small."""
    if block == _ZEROS[: len(block)]:
        os.lseek(handle, len(block), os.SEEK_CUR)
        return
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]


def open_folder_or_none(root: int, path: str, *, make: bool) -> int | None:
    """Open the directory `path` below `root` step by step, following no link; made where it is missing, if `make`.

    Returns None if the student has put something else there: a file, a link, or a directory closed to the student.
    """
    folder = os.dup(root)
    for part in path.split("/") if path else ():
        try:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=folder)
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.EACCES):
                raise
            return None
        finally:
            os.close(folder)
        folder = deeper
    return folder


def write_beside(folder: int, name: str, content: bytes, mode: int) -> str:
    """Write a file beside `name` to the end, and return what it is called."""
    part = f".{name}.{secrets.token_hex(8)}.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
    except BaseException:
        os.unlink(part, dir_fd=folder)
        raise
    return part


def move_by_link(folder: int, aside: str, name: str) -> bool:
    """Give what lies `aside` its `name`; False if something bears it, be it only since a moment ago."""
    with suppress(FileNotFoundError):
        os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
        return False
    if stat.S_ISDIR(os.stat(aside, dir_fd=folder, follow_symlinks=False).st_mode):
        os.rename(aside, raw(name), src_dir_fd=folder, dst_dir_fd=folder)  # never replaces what has content
        return True
    try:
        os.link(aside, raw(name), src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    return True
