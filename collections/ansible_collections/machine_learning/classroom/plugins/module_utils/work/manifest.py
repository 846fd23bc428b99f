"""What a machine says of a student's folder, and home of what it has: one string each.

Home believes a manifest only as far as `check` does: a student may have had a hand in it. The contents travel beside
it, in a pack.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    FILE,
    FOLDER,
    LINK,
    Entry,
    displaced,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

RECORDS, OBJECTS = {"record.json": "{}.json", "offered.json": "offered/{}.json"}, "objects/"
"""Of what a student was given or offered: the machine's records and their paths there, and the templates' bytes."""

_LARGEST_TEMPLATE = 64 << 20  # far above what the role notebooks gives away
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DELIVERED = re.compile("|".join([*map(re.escape, RECORDS), OBJECTS + "[0-9a-f]{64}"]))
_UNPACKED_LIMIT = 1 << 30  # of a manifest: far above what a million files need


@dataclass
class Manifest:
    """What home must do to have a student's folder as it is on the machine."""

    put: dict[str, tuple[Entry, int]] = field(default_factory=dict)
    """Path to entry and where its content begins in the unpacked pack; -1: home has the content."""
    gone: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    """Of all regular files in the folder, sent or not."""
    allocated: int = 0
    """Disk space in bytes that the sent files need at home; less than their size when they are sparse."""
    broken: list[str] = field(default_factory=list)
    """Notebooks that do not parse and are not being written."""
    unstable: list[str] = field(default_factory=list)
    special: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    """Path to the reason why it could not be collected."""
    delivered: dict[str, list[Any]] = field(default_factory=dict)
    """Templates that the student was given, by name: SHA-256, size, and where the pack has it (-1: home has it)."""
    outside: list[str] = field(default_factory=list)
    """Files in the student's home that are not in the folder which is collected; not endlessly many."""
    settled: bool = True
    """The folder began with what home has. Otherwise a file that is missing here was not deleted: it never came."""

    def leaving(self, known: Iterable[str]) -> set[str]:
        """Return what goes of `known`, the paths at home: what was deleted, and what was in a folder that is none now.

        The latter goes also if the folder never got what home has, for both cannot be. The history keeps it.
        """
        gone = self.gone if self.settled else []
        return {*gone, *displaced(known, {path: entry for path, (entry, _) in self.put.items()})}

    def packed(self) -> str:
        """Return the manifest as one compact ASCII string."""
        return pack_json({**vars(self), "put": {path: [*entry, at] for path, (entry, at) in self.put.items()}})

    @classmethod
    def unpacked(cls, text: str) -> Manifest:
        """Return the manifest in `text`; raise ValueError if it is none or names a path that leaves its folder."""
        values = unpack_json(text)
        try:
            put = {path: (Entry(*row[:-1]), row[-1]) for path, row in values.pop("put").items()}
            manifest = cls(put=put, **values)
        except (TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"the machine's answer cannot be read ({error})") from error
        manifest.check()
        return manifest

    def check(self) -> None:
        """Raise ValueError for what no honest machine sends: this is read on the control node."""
        for entry, at in self.put.values():
            numbers = (*entry[1:6], at)
            if entry.kind not in (FILE, LINK, FOLDER) or any(type(number) is not int for number in numbers):
                raise ValueError("the machine's answer cannot be read (a file without kind or size)")
            if entry.size < 0 or at < -1 or not isinstance(entry.digest, str) or "\0" in entry.digest:
                raise ValueError("the machine's answer cannot be read (a file with an impossible size or digest)")
        if any(type(number) is not int for number in (self.files, self.bytes, self.allocated)):
            raise ValueError("the machine's answer cannot be read (counts)")
        reasons = [*self.special.values(), *self.left.values()]
        for name in [*self.gone, *self.broken, *self.unstable, *self.outside, *reasons]:
            if not isinstance(name, str):
                raise ValueError("the machine's answer cannot be read (names)")  # noqa: TRY004 - bad data, not a bug
        for name, row in self.delivered.items():
            kinds = [type(value) for value in row]
            if not _DELIVERED.fullmatch(name) or kinds != [str, int, int] or not _SHA256.fullmatch(row[0]):
                raise ValueError("the machine's answer cannot be read (templates)")
            if not 0 <= row[1] <= _LARGEST_TEMPLATE or row[2] < -1:
                raise ValueError("the machine's answer cannot be read (a template of impossible size)")
        for path in [*self.put, *self.gone]:
            if any(part in ("", ".", "..") or "\0" in part for part in path.split("/")):
                raise ValueError(f"the machine names an impossible path: {printable(path)}")
        for path in displaced(self.put, {path: entry for path, (entry, _) in self.put.items()}):
            raise ValueError(f"the machine names a file in what is no folder: {printable(path)}")


def digests_in(record: bytes) -> list[str]:
    """Return the SHA-256 of each template that the machine's `record` names."""
    return _SHA256.findall(record.decode(errors="replace"))


def pack_json(value: Any) -> str:
    """Return `value` as compressed JSON in base64. One string passes through Ansible fast; 100,000 values do not."""
    return base64.b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)).decode()


def unpack_json(text: str) -> Any:
    """Return what `pack_json` packed; raise ValueError if it is damaged, or larger than any honest manifest."""
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(base64.b64decode(text, validate=True), _UNPACKED_LIMIT)
    except zlib.error as error:
        raise ValueError(f"damaged on the way ({error})") from error
    if not unpacker.eof:
        raise ValueError("damaged on the way (it is cut off, or far too long)")
    return json.loads(plain)


def pack_known(known: dict[str, Entry]) -> str:
    """Return what home already has, as one string for the machine."""
    return pack_json(known)


def unpack_known(text: str) -> dict[str, Entry]:
    """Return what `pack_known` packed."""
    return {path: Entry(*row) for path, row in unpack_json(text).items()}
