"""Versions of a student's folder as the stream that `git fast-import` makes commits of.

Contents go in as they are: nothing is "added", so no filter, attribute or ignore file of the student's touches a byte.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, BinaryIO

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import BLOCK
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import FOLDER, LINK, Entry
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import State, encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved


def write_commit(
    out: IO[bytes],
    head: str,
    new: State,
    old: State,
    content: Callable[[str], BinaryIO],
    delivered: Mapping[str, bytes],
    kind: str,
) -> None:
    """Write to `out` the commit of `new`, of that `kind`, which follows `old`, the commit `head` ("" if there is none).

    Only what differs is written: `content` opens the file of a path that `old` does not hold, and `delivered` has the
    bytes of templates that `old` does not hold. Raise HistoryError if a file is not what `new` says it is.
    """
    now = int(datetime.now(UTC).timestamp())
    message = kind.encode()
    out.write(b"commit %s\ncommitter machine_learning_aws <> %d +0000\n" % (BRANCH.encode(), now))
    out.write(b"data %d\n%s\n" % (len(message), message))
    if head:
        out.write(b"from %s\n" % head.encode())
    held, holds = _contents_of_git(old.files), _contents_of_git(new.files)
    for path in sorted(held.keys() - holds.keys()):
        out.write(b"D work/%s\n" % encoded(path).encode())
    for name in sorted(old.delivered.keys() - new.delivered.keys()):
        out.write(b"D delivered/%s\n" % encoded(name).encode())
    for path in sorted(path for path, what in holds.items() if held.get(path) != what):
        entry = new.files[path]
        mode = b"120000" if entry.kind == LINK else b"100755" if entry.mode & 0o111 else b"100644"
        out.write(b"M %s inline work/%s\n" % (mode, encoded(path).encode()))
        if entry.kind == LINK:
            _write_data(out, raw(entry.digest))
        else:
            with content(path) as source:
                _write_file(out, source, entry, path)
    for name in sorted(name for name, sha256 in new.delivered.items() if old.delivered.get(name) != sha256):
        out.write(b"M 100644 inline delivered/%s\n" % encoded(name).encode())
        _write_data(out, delivered[name])
    out.write(b"M 100644 inline index.json\n")
    _write_data(out, new.packed())
    out.write(b"done\n")
    out.flush()


def write_trees(out: IO[bytes], branch: str, head: str, versions: Sequence[Saved], kind: str, *, anew: bool) -> None:
    """Write to `out` commits of trees that are in the repository, the first after `head`, or write `branch` `anew`."""
    lines = [f"reset {branch}\nfrom {'0' * 40}\n\n"] if anew else []
    for number, saved in enumerate(versions):
        lines.append(f"commit {branch}\ncommitter machine_learning_aws <> {saved.seconds} +0000\n")
        lines.append(f"data {len(kind)}\n{kind}\n")
        lines.append(f"from {head}\n" if head and number == 0 else "")
        lines.append(f'M 040000 {saved.tree} ""\n\n')
    out.write("".join([*lines, "done\n"]).encode())
    out.flush()


def _contents_of_git(files: Mapping[str, Entry]) -> dict[str, tuple[str, str, bool]]:
    """Return what of `files` git has in its trees."""
    return {
        path: (entry.kind, entry.digest, bool(entry.mode & 0o111))
        for path, entry in files.items()
        if entry.kind != FOLDER
    }


def _write_data(out: IO[bytes], data: bytes) -> None:
    out.write(b"data %d\n%s\n" % (len(data), data))


def _write_file(out: IO[bytes], source: BinaryIO, entry: Entry, path: str) -> None:
    """Send a file of the size and digest of `entry`, or raise: what is kept is what was verified."""
    out.write(b"data %d\n" % entry.size)
    left, digest = entry.size, hashlib.sha256()
    while left > 0 and (block := source.read(min(BLOCK, left))):
        left -= len(block)
        digest.update(block)
        out.write(block)
    if left or digest.hexdigest() != entry.digest:
        raise HistoryError(f"{printable(path)} was changed at home during the collect. Run again.")
    out.write(b"\n")
