"""What arrived at home from a machine, in a folder of its own until it gets its name.

It lies there under numbers, so that no name of a student's is used before the content was hashed again from this disk.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    blocks,
    digest_of,
    open_file,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import FILE, Entry, write_entry
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import read_pack

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest


class Arrivals:
    """What arrived, in the open folder `incoming`, under numbers instead of names."""

    def __init__(self, incoming: int) -> None:
        """Nothing has arrived yet."""
        self.incoming = incoming
        self.inodes: dict[str, int] = {}
        self.delivered: dict[str, bytes] = {}
        """Templates, by name."""
        self._numbers: dict[str, str] = {}

    def unpack(self, manifest: Manifest, pack: str) -> None:
        """Write each file that the pack holds; raise WorkError if the pack is damaged or too short."""
        sent: list[tuple[int, int, tuple[str, bool]]] = [
            (at, entry.size, (path, True))
            for path, (entry, at) in manifest.put.items()
            if entry.kind == FILE and at >= 0
        ]
        sent += [(at, size, (name, False)) for name, (_, size, at) in manifest.delivered.items() if at >= 0]
        try:
            for (name, is_work), pieces in read_pack(pack, sent):
                if is_work:
                    entry = manifest.put[name][0]
                    write_entry(self.incoming, self._number(name), entry, pieces, mode_at_home(entry))
                else:
                    self.delivered[name] = b"".join(pieces)
        except ValueError as error:
            raise WorkError(f"what the machine sent {error}. Run collect again.") from error

    def verify(self, manifest: Manifest) -> None:
        """Hash each file again, from the disk."""
        for path, number in self._numbers.items():
            entry = manifest.put[path][0]
            with open_file(self.incoming, number) as handle:
                status = os.fstat(handle)
                if hasattr(os, "posix_fadvise"):  # not on macOS
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                digest = digest_of(blocks(handle, entry.size))
            if status.st_size != entry.size or digest != entry.digest:
                raise WorkError(f"{printable(path)} did not arrive as it was sent. Run collect again.")
            self.inodes[path] = status.st_ino
        for name, content in self.delivered.items():
            if digest_of([content]) != manifest.delivered[name][0]:
                raise WorkError(f"the template {name} did not arrive as it was sent. Run collect again.")

    def reader(self, path: str) -> BinaryIO | None:
        """Open what arrived for `path`; None if nothing did."""
        return reader(self.incoming, self._numbers[path]) if path in self._numbers else None

    def link(self, path: str, entry: Entry) -> None:
        """Make the link `path` among the arrivals."""
        os.symlink(raw(entry.digest), self._number(path), dir_fd=self.incoming)

    def settle(self, path: str, folder: int, name: str) -> None:
        """Give what arrived for `path` its `name` in the open `folder`, in one step; what bears it is replaced."""
        os.replace(self._numbers[path], raw(name), src_dir_fd=self.incoming, dst_dir_fd=folder)

    def _number(self, path: str) -> str:
        return self._numbers.setdefault(path, f"{len(self._numbers)}")


def mode_at_home(entry: Entry) -> int:
    """Return the mode of a file at home: it is the instructor's alone, and can be run if it could on the machine."""
    return 0o700 if entry.mode & 0o111 else 0o600
