"""The machine's side of collecting work: what lies in a student's folder, and what of it is not yet at home.

Everything here runs as root in a folder that its owner, a student, may change at any moment, by accident or on
purpose. So no path is ever followed: each folder on the way is opened by its own name with O_NOFOLLOW, and a file is
taken only when it can be shown to be whole (see `_Collection`). Standard library only: machines run this with their
own Python.

Paths are text in which bytes that are not UTF-8 are surrogates, whatever the machine's locale: the same text travels
through JSON and becomes the same bytes again (`raw`).
"""

from __future__ import annotations

import base64
import ctypes
import gzip
import hashlib
import json
import os
import re
import stat
import time
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

T = TypeVar("T")

FILE, LINK, FOLDER = "f", "l", "d"

DEEPEST = 200
"""Levels of folders. Every level holds a file descriptor open; nobody nests this deep except to do harm."""

QUIET_S = 2.0
"""A file that was not touched for this long is not being written."""

ROUNDS = 5
"""Looks at a folder before what still changes is reported as unstable: at most `ROUNDS - 1` pauses of `QUIET_S`."""

PARSE_BYTES = 64 << 20
"""Larger notebooks are not parsed (a machine may have 1 GiB of memory): they must be quiet, like other files."""

SPARE_BYTES = 64 << 20
"""What a pack leaves free on the machine's disk, so that collecting never stops a student from saving."""

BLOCK = 1 << 20

RECORDS, OBJECTS = {"record.json": "{}.json", "offered.json": "offered/{}.json"}, "objects/"
"""Of what a student was given or offered: the machine's records and their places there, and the templates' bytes."""

MOST_OUTSIDE = 100
"""Names of files outside the folder; of more it is enough to know that there are some."""

_LARGEST_TEMPLATE = 64 << 20  # far above what the role notebooks gives away
_ZEROS = bytes(BLOCK)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DELIVERED = re.compile("|".join([*map(re.escape, RECORDS), OBJECTS + "[0-9a-f]{64}"]))
_UNPACKED_LIMIT = 1 << 30  # of a manifest: far above what a million files need

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: neither a pipe put in a file's place nor a lease on the file may hold us.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

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


@dataclass
class Survey:
    """What one walk through a folder met, by path."""

    found: dict[str, Entry] = field(default_factory=dict)
    special: dict[str, str] = field(default_factory=dict)
    """Not files: path and what it is."""
    blind: dict[str, str] = field(default_factory=dict)
    """Folders that could not be looked into: path and why."""


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
        for word in [*self.gone, *self.broken, *self.unstable, *self.outside, *reasons]:
            if not isinstance(word, str):
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


def raw(path: str) -> bytes:
    """Return the bytes that the file system knows `path` by."""
    return path.encode("utf-8", "surrogateescape")


def text(name: str | bytes) -> str:
    """Return `name` as our text, whatever encoding this Python uses for file names."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def printable(path: str) -> str:
    """Return `path` as it may stand in a message: one line, no control characters, not endless."""
    shown = "".join(
        c if c.isprintable() else f"\\x{ord(c) & 0xFF:02x}" if ord(c) < 0x20 or 0xDC80 <= ord(c) <= 0xDCFF else "?"
        for c in path
    )
    return shown if len(shown) <= 120 else f"{shown[:80]}…{shown[-39:]}"


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
            below = os.open(raw(part), _OPEN_FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


@contextmanager
def open_root(path: str) -> Iterator[int]:
    """Open the folder `path`, which the instructor chose: it may be reached through links."""
    handle = os.open(path, _OPEN_FOLDER & ~os.O_NOFOLLOW)
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


def entry_of(status: os.stat_result) -> Entry:
    """Return the entry, without digest, of a file or link with this `status`."""
    kind = LINK if stat.S_ISLNK(status.st_mode) else FILE
    return Entry(kind, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode & 0o7777)


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
                    below = os.open(raw(text(name.name)), _OPEN_FOLDER, dir_fd=folder)
                    try:
                        _walk(below, path + "/", level + 1, owner, result)
                    finally:
                        os.close(below)
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


def write_new(folder: int, name: str, entry: Entry, pieces: Iterable[bytes], mode: int) -> str:
    """Write the new file `name` of the size and time of `entry` and return the SHA-256 of what it holds."""
    digest, length = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(raw(name), flags, 0o600, dir_fd=folder), "wb", buffering=0) as out:
        for block in pieces:
            digest.update(block)
            length += len(block)
            _write(out.fileno(), block)
        out.truncate(length)
        os.fchmod(out.fileno(), mode)
    set_time(name, folder, entry)
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


def set_time(name: str, folder: int, entry: Entry) -> bool:
    """Set the modification time; False if this disk has no such time (students can set any)."""
    try:
        os.utime(raw(name), ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)
    except (OSError, OverflowError):
        return False
    return True


def _write(handle: int, block: bytes) -> None:
    """Write `block`, or leave a hole for zeros: a sparse file of gigabytes stays small."""
    if block == _ZEROS[: len(block)]:
        os.lseek(handle, len(block), os.SEEK_CUR)
        return
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]


class PackError(Exception):
    """The pack cannot be written: the machine's own disk."""


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
        for path in missing - self.known.keys():  # came and went while we looked
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
    for name, place in RECORDS.items():
        with suppress(FileNotFoundError):
            contents[name] = _read(os.path.join(store, place.format(username)))
    for digest in {
        digest for record in contents.values() for digest in _SHA256.findall(record.decode(errors="replace"))
    }:
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
