"""The index of a version: what each path is, also where git cannot say it; and names, so written that git takes any."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import raw
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import Entry, displaced
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMAT = 1
_PLAIN = frozenset(" !#$&'()+,-.=@[]_{}")  # besides letters and digits of any script
_NEVER_A_PROJECT = re.compile(r"\.?git", re.IGNORECASE)


@dataclass
class State:
    """What a commit holds: the student's files by path, and the templates that were given, by path in the store."""

    files: dict[str, Entry] = field(default_factory=dict)
    delivered: dict[str, str] = field(default_factory=dict)
    """Path below `delivered/` to SHA-256."""
    broken: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    """Files that could not be collected then: they are missing here, or older."""

    def packed(self) -> bytes:
        """Return the index, a line for each path, so that git stores of the next one only what differs."""
        files = ",\n".join(
            f"{json.dumps(path)}:{json.dumps([e.kind, e.size, e.mtime_ns, e.mode, e.digest])}"
            for path, e in sorted(self.files.items())
        )
        rest = {"delivered": self.delivered, "broken": self.broken, "incomplete": self.incomplete}
        return f'{{"format":{_FORMAT},\n"files":{{\n{files}}},\n{json.dumps(rest, sort_keys=True)[1:]}\n'.encode()

    @classmethod
    def unpacked(cls, text: bytes) -> State:
        """Return what `packed` packed."""
        values = json.loads(text)
        if values.pop("format") != _FORMAT:
            raise HistoryError("it was written by a newer version of this project")
        files = {
            path: Entry(kind, size, mtime_ns, 0, 0, mode, digest)
            for path, (kind, size, mtime_ns, mode, digest) in values.pop("files").items()
        }
        for path in displaced(files, files):  # earlier versions of this project named both: git has what is no folder
            del files[path]
        return cls(files=files, **values)

    def same_work(self, other: State) -> bool:
        """Say whether both hold the same contents under the same names."""
        return _contents(self.files) == _contents(other.files)


def _contents(files: Mapping[str, Entry]) -> dict[str, tuple[str, str]]:
    return {path: (entry.kind, entry.digest) for path, entry in files.items()}


def encoded(path: str) -> str:
    """Return `path` as git takes it: what is not plain, or means something to git or a shell, becomes %XX."""
    return "/".join(_encoded_name(name) for name in path.split("/"))


def _encoded_name(name: str) -> str:
    start = _NEVER_A_PROJECT.match(name)
    first = f"%{ord(name[0]):02X}" if start else ""
    return first + "".join(
        c if c.isalnum() or c in _PLAIN else "".join(f"%{byte:02X}" for byte in raw(c))
        for c in (name[1:] if start else name)
    )
