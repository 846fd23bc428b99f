"""The machine's side of collecting work: what lies in a student's folder, and what of it is not yet at home.

All of it runs, as root or as the student, in a folder that its owner, a student, may change at any moment, by accident
or on purpose. So no path is ever followed (`secure_files`), and a file is taken only when it can be shown to be whole
(see `_Collection`). Standard library only: machines run this with their own Python.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    BLOCK,
    blocks,
    open_file,
    open_folder,
    open_root,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    DEEPEST,
    FILE,
    FOLDER,
    LINK,
    Entry,
    displaced,
    entry_of,
    survey,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import (
    OBJECTS,
    RECORDS,
    Manifest,
    digests_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import Pack

QUIET_S = 2.0
"""A file that was not touched for this long is not being written."""

ROUNDS = 5
"""Looks at a folder before what still changes is reported as unstable: at most `ROUNDS - 1` pauses of `QUIET_S`."""

PARSE_BYTES = 64 << 20
"""Larger notebooks are not parsed (a machine may have 1 GiB of memory): they must be quiet, like other files."""

MOST_OUTSIDE = 100
"""Names of files outside the folder; of more it is enough to know that there are some."""


class _LeftError(Exception):
    """A file cannot be collected; says why."""


class _Collection:
    """One student's folder while it is collected.

    A file is whole if its signature is the same before and after reading and, as that alone lets torn files through,
    - a notebook parses as JSON: a save that is half done does not;
    - anything else was left alone for `QUIET_S`: either its change time says so, or we watched it that long (a clock
      that was set back would otherwise keep a file "new" for ever).
    A notebook that does not parse and is left alone is as whole as it will ever be: it is taken and named as broken.
    """

    def __init__(self, root: int, known: dict[str, Entry], pack: Pack | None, largest: int) -> None:
        self.root, self.known, self.pack, self.largest = root, known, pack, largest
        self.have = dict(known)
        self.manifest = Manifest()
        self.watched: dict[str, tuple[Entry, float]] = {}

    def run(self, rounds: int) -> Manifest:
        """Look again until two looks agree: a file moved behind the back of one walk is met by the next."""
        missing: set[str] = set()
        for number in range(rounds):
            if self.watched:
                time.sleep(QUIET_S)
            before, look = missing, survey(self.root)
            self.manifest.left = dict(look.blind)
            missing = {path for path in self.have if path not in look.found and not _below(path, look.blind)}
            todo = [p for p, e in look.found.items() if p not in self.have or self.have[p].signature != e.signature]
            watched, self.watched = self.watched, {}
            for path in todo:
                self._take(path, look.found[path], watched.get(path))
            settled = number > 0 and before == missing and all(path in self.manifest.left for path in todo)
            if settled and not self.watched:
                break
        else:
            self.manifest.unstable = sorted({*self.watched, *(missing - before)})
            missing &= before
        manifest = self.manifest
        manifest.special = look.special
        manifest.gone = sorted(missing & self.known.keys())
        here = {path: entry for path, (entry, _) in manifest.put.items()}
        for path in (missing - self.known.keys()) | displaced(here, here):  # came and went while we looked
            manifest.put.pop(path, None)
        manifest.broken = sorted(path for path in manifest.broken if path in manifest.put)
        contents = [entry for entry in look.found.values() if entry.kind != FOLDER]
        manifest.files, manifest.bytes = len(contents), sum(e.size for e in contents if e.kind == FILE)
        return manifest

    def _take(self, path: str, seen: Entry, watched: tuple[Entry, float] | None) -> None:
        now = time.monotonic()
        same = watched is not None and watched[0] == seen
        since = watched[1] if watched is not None and same else now
        try:
            if not self._read(path, seen, still=now - since >= QUIET_S):
                self.watched[path] = (seen, since)
        except _LeftError as why:
            self.manifest.left[path] = str(why)
        except BlockingIOError:  # a program holds a lease on it: about to write
            self.watched[path] = (seen, since)
        except FileNotFoundError:
            pass  # deleted since: the next look decides
        except OSError as error:
            self.manifest.left[path] = error.strerror or "cannot be read"

    def _read(self, path: str, seen: Entry, *, still: bool) -> bool:
        """Take `path` if it is whole; False: look again later."""
        if seen.kind == FOLDER:
            self._put(path, seen, -1)
            return True
        if seen.kind == LINK:
            parent, _, name = path.rpartition("/")
            with open_folder(self.root, parent) as folder:
                target = text(os.readlink(raw(name), dir_fd=folder))
            self._put(path, seen._replace(digest=target), -1)
            return True
        if seen.size > self.largest:
            raise _LeftError(
                f"{seen.size >> 20} MB are more than the {self.largest >> 20} MB that are collected of one file"
            )
        with open_file(self.root, path) as handle:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or entry_of(status) != seen:
                return False
            return self._read_file(path, seen, handle, status, still=still)

    def _read_file(self, path: str, seen: Entry, handle: int, status: os.stat_result, *, still: bool) -> bool:
        notebook = path.lower().endswith(".ipynb") and seen.size <= PARSE_BYTES
        quiet = still or time.time_ns() - seen.ctime_ns > QUIET_S * 1e9
        content = b"".join(blocks(handle, seen.size)) if notebook or seen.size <= BLOCK else None
        pieces = blocks(handle, seen.size) if content is None else [content]
        digest, length = hashlib.sha256(), 0
        for piece in pieces:
            digest.update(piece)
            length += len(piece)
        if length != seen.size or entry_of(os.fstat(handle)) != seen:
            return False
        entry = seen._replace(digest=digest.hexdigest())
        old = self.known.get(path)
        if old is not None and (old.kind, old.digest) == (FILE, entry.digest):
            self._put(path, entry, -1, fresh=not quiet)
            return True
        parses = notebook and content is not None and _is_json(content)
        if not parses and not quiet:
            return False
        at = self._send(handle, entry, status, content)
        if at is None:
            return False
        self._put(path, entry, at, fresh=not quiet)
        if notebook and not parses:
            self.manifest.broken.append(path)
        return True

    def _send(self, handle: int, entry: Entry, status: os.stat_result, content: bytes | None) -> int | None:
        """Append the content of `entry` to the pack and return where; None if it changed since it was hashed."""
        self.manifest.allocated += min(status.st_size, status.st_blocks * 512)
        if self.pack is None:  # check mode
            return 0
        if reason := self.pack.room_for(status):
            raise _LeftError(reason)
        at = self.pack.length
        if content is not None:
            self.pack.write(content)
            return at
        os.lseek(handle, 0, os.SEEK_SET)
        digest = hashlib.sha256()
        for block in blocks(handle, entry.size):
            digest.update(block)
            self.pack.write(block)
        return at if digest.hexdigest() == entry.digest else None  # what was written stays in the pack, unused

    def _put(self, path: str, entry: Entry, at: int, *, fresh: bool = False) -> None:
        self.have[path] = entry
        if fresh:
            # It may be written again within the clock's grain, with the same signature: home must not rely on it.
            entry = entry._replace(ctime_ns=0, inode=0)
        self.manifest.put[path] = (entry, at)
        if path in self.manifest.broken:
            self.manifest.broken.remove(path)


def collect(root: int, known: dict[str, Entry], pack: Pack | None, *, largest: int, rounds: int = ROUNDS) -> Manifest:
    """Put what home does not have of the open folder `root` into `pack`, and return what home must do.

    `known` is what home has; `largest` the size in bytes above which a file is left and named; without `pack`
    (check mode) nothing is written. Raise PackError if the pack cannot be written, OSError if `root` cannot be read.
    """
    return _Collection(root, known, pack, largest).run(rounds)


def _below(path: str, folders: dict[str, str]) -> bool:
    """Say whether `path` is one of `folders` or lies in one; its own parents are few, hostile folders may be many."""
    while path:
        if path in folders:
            return True
        path = path.rpartition("/")[0]
    return False


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):  # a million brackets are no notebook either
        return False
    return True


def add_delivered(manifest: Manifest, store: str, username: str, have: Iterable[str], pack: Pack | None) -> None:
    """Note in `manifest` which templates `username` was given, and pack the bytes that home does not `have`.

    `store` is the role notebooks' own: records of each student name templates by their SHA-256, objects/SHA256 are the
    bytes. Only root writes there. Raise PackError like `Pack.write`.
    """
    at_home = set(have)
    contents = {}
    for name, location in RECORDS.items():
        with suppress(FileNotFoundError):
            contents[name] = _read(os.path.join(store, location.format(username)))
    for digest in {digest for record in contents.values() for digest in digests_in(record)}:
        with suppress(FileNotFoundError):
            contents[OBJECTS + digest] = b"" if digest in at_home else _read(os.path.join(store, OBJECTS, digest))
    for name, content in sorted(contents.items()):
        digest = name[len(OBJECTS) :] if name.startswith(OBJECTS) else hashlib.sha256(content).hexdigest()
        at = -1
        if digest not in at_home:
            at = pack.length if pack else 0
            if pack:
                pack.write(content)
        manifest.delivered[name] = [digest, len(content), at]


def files_outside(home: str, folder: os.stat_result | None) -> list[str]:
    """Return files of a student's `home` that are not in `folder` (which may lie in it), at most MOST_OUTSIDE.

    Whatever begins with a dot in the home itself belongs to programs: settings, caches, packages of the student's own.
    """
    found: list[str] = []
    with suppress(FileNotFoundError), open_root(home) as root:
        _note_files(root, "", 0, folder, found)
    return found


def _note_files(root: int, prefix: str, level: int, but: os.stat_result | None, found: list[str]) -> None:
    with os.scandir(root) as listing:
        names = sorted((text(entry.name) for entry in listing), key=raw)
    for name in names:
        if len(found) == MOST_OUTSIDE or (level == 0 and name.startswith(".")):
            continue
        with suppress(FileNotFoundError):
            status = os.stat(raw(name), dir_fd=root, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) or level == DEEPEST:
                found.append(prefix + name)
            elif stat.S_ISDIR(status.st_mode) and not (but and os.path.samestat(status, but)):
                try:
                    with open_folder(root, name) as below:
                        _note_files(below, f"{prefix}{name}/", level + 1, but, found)
                except OSError:  # a file system of the student's own, or one swapped for a link meanwhile
                    found.append(prefix + name)


def _read(path: str) -> bytes:
    with open(path, "rb") as source:
        return source.read()
