"""The pack in which the contents of files travel, from a machine home and from home to a machine.

It is one compressed stream; which file begins where stands in the manifest.
"""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import BLOCK
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

SPARE_BYTES = 64 << 20
"""What a pack leaves free on the machine's disk, so that collecting never stops a student from saving."""


class Pack:
    """A compressed file with the contents of files one after the other: no names, so nothing to attack with names."""

    def __init__(self, disk: str, make_path: Callable[[], str]) -> None:
        """`disk` is a folder of the disk to write to; `make_path` is called at the first content, and only then."""
        self.disk = disk
        self.path = ""
        self.length = 0
        self._make_path = make_path
        self._file: BinaryIO | None = None
        self._zip: gzip.GzipFile | None = None

    def room_for(self, status: os.stat_result) -> str:
        """Return "" if a file with this `status` fits on this disk, else the sentence that says what is missing."""
        disk = os.statvfs(self.disk)
        free = disk.f_bavail * disk.f_frsize
        needed = min(status.st_size, status.st_blocks * 512) + SPARE_BYTES
        if free >= needed:
            return ""
        return f"the machine's disk has {free >> 20} MB free, {needed >> 20} MB are needed to send it"

    def write(self, block: bytes) -> None:
        """Append `block`; raise PackError if the disk does not take it."""
        try:
            if self._zip is None:
                self.path = self._make_path()
                self._file = open(self.path, "xb")  # noqa: SIM115 - `close` ends it
                self._zip = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=1, mtime=0)
            self._zip.write(block)
        except OSError as error:
            raise PackError(f"{self.disk} on the machine: {error.strerror}") from error
        self.length += len(block)

    def close(self) -> int:
        """Finish the pack and return its size in bytes, 0 if there is none; raise PackError like `write`."""
        if self._zip is None or self._file is None:
            return 0
        try:
            self._zip.close()
            self._file.close()
        except OSError as error:
            raise PackError(f"{self.disk} on the machine: {error.strerror}") from error
        return os.path.getsize(self.path)

    def discard(self) -> None:
        """Give the space back after a PackError."""
        with suppress(OSError):
            os.unlink(self.path)


def read_pack(pack: str, wanted: Iterable[tuple[int, int, T]]) -> Iterator[tuple[T, Iterator[bytes]]]:
    """Read what is `wanted` (where it begins, its size, what it is) from the file `pack`, in the order of the pack.

    What was read while it was being written lies between, and is passed over. Raise ValueError for what is no pack.
    There is none (`pack` is empty) if nothing is wanted.
    """
    rows = sorted(wanted, key=lambda row: row[0])
    if not rows:
        return
    with gzip.open(pack, "rb") as stream:
        for at, size, what in rows:
            if at < stream.tell():
                raise ValueError("overlaps itself")
            with _damage():
                stream.seek(at)
            yield what, _pieces(stream, size)


def _pieces(stream: gzip.GzipFile, size: int) -> Iterator[bytes]:
    while size > 0:
        with _damage():
            block = stream.read(min(BLOCK, size))
        if not block:
            break
        size -= len(block)
        yield block


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"is damaged ({error})") from error
