"""Files in which the project remembers something, on a machine or at home: private, and replaced in one step."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator


def make_private(path: str) -> None:
    """Make sure that the directory `path` exists and that nobody but its owner enters it."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    os.chmod(path, 0o700)


def is_private(path: str) -> bool:
    """Say whether the directory `path` is there, and nobody but its owner enters it."""
    return os.path.isdir(path) and stat.S_IMODE(os.stat(path).st_mode) == 0o700


def read_json(path: str) -> dict[str, Any]:
    """Return the record at `path`; an absent or unreadable one is an empty record.

    A machine that lost its power may leave an empty file behind: what it said is then found out again.
    """
    try:
        with open(path, encoding="utf-8") as source:
            record = json.load(source)
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_json(path: str, record: dict[str, Any]) -> None:
    """Put `record` at `path`, unless it says so already."""
    if read_json(path) != record:
        write_bytes(path, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())


def write_bytes(path: str, content: bytes) -> None:
    """Put `content` at `path`, mode 0600, so that a reader sees the old file or the new one, never half of one."""
    with replacing(path) as out:
        out.write(content)


def is_kept(path: str, content: bytes) -> bool:
    """Say whether `content` is at `path`, and only its owner may read it."""
    try:
        with open(path, "rb") as there:
            return stat.S_IMODE(os.fstat(there.fileno()).st_mode) == 0o600 and there.read() == content
    except FileNotFoundError:
        return False


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a file beside `path`, mode 0600: it replaces what is there if the block ends well, and else is removed."""
    handle, beside = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
