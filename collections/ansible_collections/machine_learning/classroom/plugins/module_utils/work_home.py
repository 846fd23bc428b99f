"""The control node's side of collecting work: one student's folder at home.

Under the folder that holds all students' work:

    USERNAME/                       the work as it was at the last collect
    .history/USERNAME/TIME/         what that collect replaced or what had vanished from the machine
    .records/USERNAME.json          which signature each file had on the machine, so that only changes travel
    .records/USERNAME.lock          held while a collect is at work on this student
    .incoming-USERNAME/             what is arriving; left only by a run that was killed, and then removed by the next

The record only saves time. Without it, or after a killed run, files are hashed again on both sides; nothing depends
on it being right. What the machine sends is never trusted: paths are opened part by part without following links, and
contents are hashed again from this disk before they take their place.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import re
import shutil
import socket
import stat
import time
import zlib
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ansible_collections.machine_learning.classroom.plugins.module_utils.work import (
    A_FOLDER,
    BLOCK,
    FILE,
    FOLDER,
    LINK,
    Entry,
    blocks,
    digest_of,
    entry_of,
    open_file,
    open_folder,
    open_root,
    printable,
    raw,
    survey,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work import Manifest

SPARE_BYTES = 32 << 20
"""What a collect leaves free on this disk: records and folders need room, too."""

_RECORD_VERSION = 1
_ZEROS = bytes(BLOCK)
_USERNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class WorkError(Exception):
    """A sentence for the instructor: why a student's work is not at home."""


@dataclass
class Counts:
    """What a collect did at home, in files and links; `adjusted` are new folders, and new times or modes of files."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    adjusted: int = 0
    kept_in: str = ""
    """Where earlier versions were moved, relative to home; empty if there were none."""

    def any(self) -> bool:
        """Say whether anything at home changed."""
        return bool(self.new or self.changed or self.removed or self.adjusted or self.kept_in)


class StudentHome:
    """The folder of `username` below `home`, a path."""

    def __init__(self, home: str, username: str) -> None:
        """Nothing is made yet. Raise WorkError if the username could not be a folder of its own."""
        if not _USERNAME.fullmatch(username):
            raise WorkError(f"{printable(username)!r} is no username: letters, digits, and - _ . but not first.")
        self.home, self.username = os.path.abspath(home), username
        self.path = os.path.join(self.home, username)
        self.incoming = os.path.join(self.home, f".incoming-{username}")
        self.broken: set[str] = set()
        """Notebooks at home that do not parse, as far as known."""
        self._records = os.path.join(self.home, ".records")
        self._known: dict[str, Entry] = {}
        self._here: dict[str, Entry] = {}
        self._files: dict[str, list[Any]] = {}

    @contextmanager
    def locked(self, wait_s: float) -> Iterator[None]:
        """Keep other collects off this student; raise WorkError if one is still at work after `wait_s` seconds.

        The kernel ends the lock with the process, however that dies. What a killed run left is removed.
        """
        try:
            os.makedirs(self._records, mode=0o700, exist_ok=True)
            handle = os.open(f"{self._records}/{self.username}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._fail(error)
        try:
            self._lock(handle, time.monotonic() + wait_s, wait_s)
            with suppress(OSError):  # on a full disk the holder is unnamed, that is all
                os.truncate(handle, 0)
                os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            self._remove_incoming()
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int, until: float, wait_s: float) -> None:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    holder = printable(os.pread(handle, 200, 0).decode(errors="replace")) or "another process"
                    raise WorkError(
                        f"another collect ({holder}) is at work on {self.path} and did not end within {wait_s:.0f} s. "
                        "Wait until it has ended, then run again."
                    ) from None
                time.sleep(0.2)
            else:
                return

    def known(self) -> dict[str, Entry]:
        """Return what is at home: path to entry as the machine last had it, so that it can tell what is new.

        A file whose signature on the machine is unknown is hashed and has a signature that matches nothing.
        """
        self._files, self.broken = self._read_record()
        self._known, self._here = {}, {}
        if not os.path.lexists(self.path):
            return self._known
        try:
            with self._opened() as root:
                look = survey(root)
                for path, why in look.blind.items():
                    raise WorkError(
                        f"{self.path}/{printable(path)} cannot be read here ({why}). "
                        "Make it readable, or move it out of the folder; then run again."
                    )
                self._here = look.found
                for path, entry in look.found.items():
                    self._known[path] = self._known_entry(root, path, entry)
        except OSError as error:
            self._fail(error)
        return self._known

    def _known_entry(self, root: int, path: str, here: Entry) -> Entry:
        if here.kind == FOLDER:
            return A_FOLDER
        row = self._files.get(path)
        if row is not None and tuple(row[7:]) == here.signature:
            return Entry(*row[:7])
        if here.kind == LINK:
            return Entry(LINK, 0, 0, 0, 0, 0, self._target(root, path))
        with open_file(root, path) as handle:
            return Entry(FILE, here.size, 0, 0, 0, 0, digest_of(blocks(handle, here.size)))

    def foresee(self, manifest: Manifest) -> Counts:
        """Return what `receive` would do."""
        counts = Counts(removed=sum(self._known.get(path, A_FOLDER).kind != FOLDER for path in manifest.gone))
        for path, (entry, at) in manifest.put.items():
            here = self._here.get(path)
            if entry.kind == FOLDER:
                counts.adjusted += 1
            elif here is None:
                counts.new += 1
            elif entry.kind == FILE and at < 0:
                counts.adjusted += (here.mtime_ns, here.mode) != (entry.mtime_ns, _mode(entry))
            else:
                counts.changed += not self._has(path, entry)
        return counts

    def check_room(self, pack_bytes: int, allocated: int) -> None:
        """Raise WorkError unless this disk holds a pack of that size and `allocated` bytes of files."""
        disk = os.statvfs(self.home)
        free, needed = disk.f_bavail * disk.f_frsize, pack_bytes + allocated + SPARE_BYTES
        if free < needed:
            raise WorkError(self._full(f"{free >> 20} MB are free, {needed >> 20} MB are needed"))

    def make_incoming(self) -> str:
        """Make the private folder for what arrives and return its path."""
        try:
            os.mkdir(self.incoming, 0o700)
        except OSError as error:
            self._fail(error)
        return self.incoming

    def receive(self, manifest: Manifest, pack: str) -> Counts:
        """Make home as the machine is, by `manifest` and the file `pack` (may be "" if no content is needed).

        Replaced and vanished files move to the history. Raise WorkError if anything does not add up; every file at
        home is then whole, old or new.
        """
        self._check(manifest, pack)
        counts = Counts()
        if not manifest.put and not manifest.gone:
            return counts
        try:
            os.makedirs(self.incoming, mode=0o700, exist_ok=True)
            with open_root(self.incoming) as incoming:
                arrived = _Arrivals(incoming)
                if pack:
                    arrived.unpack(manifest, pack)
                if any(entry.kind == FILE and at >= 0 for entry, at in manifest.put.values()):
                    os.sync()  # a checksum of what is still in memory proves nothing about the disk
                    arrived.verify(manifest)
                self._place(manifest, arrived, counts)
            if counts.any():
                os.sync()  # the machine may be destroyed on our word
        except OSError as error:
            self._fail(error)
        finally:
            self._remove_incoming()
        return counts

    def _check(self, manifest: Manifest, pack: str) -> None:
        for path, (entry, at) in manifest.put.items():
            if entry.kind == FILE and (not pack if at >= 0 else not self._has(path, entry)):
                raise WorkError(f"the machine did not send the content of {printable(path)}. Run collect again.")

    def _has(self, path: str, entry: Entry) -> bool:
        old = self._known.get(path)
        return old is not None and (old.kind, old.digest) == (entry.kind, entry.digest)

    def _place(self, manifest: Manifest, arrived: _Arrivals, counts: Counts) -> None:
        with suppress(FileExistsError):
            os.mkdir(self.path, 0o700)
        with self._opened() as root, open_root(self.home) as home:
            history = _History(home, root, self.username)
            for path in sorted(manifest.gone, reverse=True):  # what is in a folder before the folder
                counts.removed += history.move(path) and self._known.get(path, A_FOLDER).kind != FOLDER
            for path in sorted(manifest.put, key=lambda path: path.split("/")):  # a folder before what is in it
                self._place_one(root, path, *manifest.put[path], arrived, history, counts)
            counts.kept_in = history.used
            self._record(root, manifest, arrived)

    def _place_one(
        self, root: int, path: str, entry: Entry, at: int, arrived: _Arrivals, history: _History, counts: Counts
    ) -> None:
        parent, _, name = path.rpartition("/")
        with open_folder(root, parent) as folder:
            try:
                here = os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                here = None
            if entry.kind == FOLDER:
                if here is not None and not stat.S_ISDIR(here.st_mode):
                    history.move(path)
                    here = None
                if here is None:
                    os.mkdir(raw(name), 0o700, dir_fd=folder)
                    counts.adjusted += 1
                return
            if entry.kind == FILE and at < 0:
                if here is None or entry_of(here) != self._here[path]:
                    raise WorkError(f"{self.path}/{printable(path)} was changed during the collect. Run again.")
                counts.adjusted += _adjust(folder, name, entry, here)
                return
            if entry.kind == LINK:
                if here is not None and stat.S_ISLNK(here.st_mode) and self._target(root, path) == entry.digest:
                    return
                arrived.link(path, entry)
            if here is None:
                counts.new += 1
            else:
                counts.changed += 1
                history.keep(path, here)
            arrived.settle(path, folder, name)

    def _record(self, root: int, manifest: Manifest, arrived: _Arrivals) -> None:
        """Check that home is what it should be, and write down which file is which."""
        gone = set(manifest.gone)
        wanted = {path: entry for path, entry in self._known.items() if path not in gone}
        wanted |= {path: entry for path, (entry, _) in manifest.put.items()}
        here = survey(root).found
        for path, entry in wanted.items():
            found = here.get(path)
            # Where names differ only by case, or in bytes that this disk does not keep, one file took another's place.
            if found is None or found.kind != entry.kind or arrived.inodes.get(path, found.inode) != found.inode:
                raise WorkError(
                    f"{self.path} cannot hold {printable(path)}: the disk does not tell it from another name, or it "
                    "was changed here during the collect. Run again, or set class_work_home to a disk that can."
                )
        # What this run did not touch is recorded as it was when it was compared: a later edit here must show next time.
        here |= {path: self._here[path] for path in wanted if path not in manifest.put}
        files = {path: [*entry, *here[path].signature] for path, entry in wanted.items() if entry.kind != FOLDER}
        resent = {path for path, (_, at) in manifest.put.items() if at >= 0}
        self.broken = {path for path in (self.broken - resent) | set(manifest.broken) if path in files}
        if files == self._files:
            return
        record = {"version": _RECORD_VERSION, "files": files, "broken": sorted(self.broken)}
        beside = f"{self._records}/{self.username}.new"
        with open(beside, "w", encoding="ascii") as out:
            out.write(json.dumps(record, separators=(",", ":")))
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, f"{self._records}/{self.username}.json")
        self._files = files

    def _read_record(self) -> tuple[dict[str, list[Any]], set[str]]:
        try:
            with open(f"{self._records}/{self.username}.json", encoding="ascii") as record:
                values = json.load(record)
            if values["version"] == _RECORD_VERSION:
                return dict(values["files"]), set(values["broken"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {}, set()

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with ExitStack() as opened:
            home = opened.enter_context(open_root(self.home))
            try:
                root = opened.enter_context(open_folder(home, self.username))
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise WorkError(f"{self.path} is in the way: it is no folder. Move it, then run again.") from error
                raise
            yield root

    def _target(self, root: int, path: str) -> str:
        parent, _, name = path.rpartition("/")
        with open_folder(root, parent) as folder:
            return text(os.readlink(raw(name), dir_fd=folder))

    def _remove_incoming(self) -> None:
        shutil.rmtree(self.incoming, ignore_errors=True)

    def _full(self, how: str) -> str:
        return (
            f"the disk of {self.home} on this control node is full ({how}). "
            "Nothing is lost: the work is still on the machine. Make room, or set class_work_home to another disk; "
            "then run again."
        )

    def _fail(self, error: OSError) -> NoReturn:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WorkError(self._full(error.strerror or "no space")) from error
        where = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else self.path
        raise WorkError(f"{where}: {error.strerror}. Put that right on this control node, then run again.") from error


class _Arrivals:
    """What arrived, in the open folder `incoming`, under numbers instead of names."""

    def __init__(self, incoming: int) -> None:
        self.incoming = incoming
        self.inodes: dict[str, int] = {}
        self._numbers: dict[str, str] = {}

    def unpack(self, manifest: Manifest, pack: str) -> None:
        """Write each file that the pack holds; raise WorkError if the pack is damaged or too short."""
        sent = sorted((at, path) for path, (entry, at) in manifest.put.items() if entry.kind == FILE and at >= 0)
        try:
            with gzip.open(pack, "rb") as stream:
                for at, path in sent:
                    if at < stream.tell():
                        raise WorkError("what the machine sent overlaps itself. Run collect again.")
                    stream.seek(at)  # over what was read while it was being written
                    entry = manifest.put[path][0]
                    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                    handle = os.open(self._number(path), flags, _mode(entry), dir_fd=self.incoming)
                    with open(handle, "wb", buffering=0) as out:
                        left = entry.size
                        while left > 0 and (block := stream.read(min(BLOCK, left))):
                            left -= len(block)
                            _write(out.fileno(), block)
                        out.truncate(entry.size)
                    _set_time(self._numbers[path], self.incoming, entry)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise WorkError(f"what the machine sent is damaged ({error}). Run collect again.") from error

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

    def link(self, path: str, entry: Entry) -> None:
        """Make the link `path` among the arrivals."""
        os.symlink(raw(entry.digest), self._number(path), dir_fd=self.incoming)

    def settle(self, path: str, folder: int, name: str) -> None:
        """Move what arrived for `path` to its place, in one step."""
        os.replace(self._numbers[path], raw(name), src_dir_fd=self.incoming, dst_dir_fd=folder)

    def _number(self, path: str) -> str:
        return self._numbers.setdefault(path, f"{len(self._numbers)}")


class _History:
    """Where one run keeps what it replaces: below the open folder `home`, named after the time in UTC."""

    def __init__(self, home: int, root: int, username: str) -> None:
        self.home, self.root, self.username = home, root, username
        self.used = ""

    def keep(self, path: str, here: os.stat_result) -> None:
        """Keep `path`, which is about to be replaced: by a second name, so that there is no moment without the file."""
        if stat.S_ISDIR(here.st_mode):
            self.move(path)
            return
        parent, _, name = path.rpartition("/")
        with open_folder(self.root, parent) as folder, self._place(parent, name) as (kept, free):
            try:
                os.link(raw(name), raw(free), src_dir_fd=folder, dst_dir_fd=kept, follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EINVAL):
                    raise
                os.rename(raw(name), raw(free), src_dir_fd=folder, dst_dir_fd=kept)  # a disk without hard links

    def move(self, path: str) -> bool:
        """Move `path` here; False if there is nothing. Of an empty folder the name is kept."""
        parent, _, name = path.rpartition("/")
        try:
            with open_folder(self.root, parent) as folder:
                try:
                    os.rmdir(raw(name), dir_fd=folder)
                except OSError as error:
                    if error.errno not in (errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST):
                        raise
                else:
                    with self._folder(path):
                        return True
                with self._place(parent, name) as (kept, free):
                    os.rename(raw(name), raw(free), src_dir_fd=folder, dst_dir_fd=kept)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _place(self, parent: str, name: str) -> Iterator[tuple[int, str]]:
        """Open the folder for what was in `parent` and give a name that is free in it."""
        with self._folder(parent) as kept:
            free, number = name, 1
            while _exists(kept, free):
                number += 1
                free = f"{name}~{number}"
            yield kept, free

    @contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        if not self.used:
            self.used = self._make()
        with open_folder(self.home, "/".join(part for part in (self.used, path) if part), make=True) as folder:
            yield folder

    def _make(self) -> str:
        all_of_student = f".history/{self.username}"
        now = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime())
        with open_folder(self.home, all_of_student, make=True) as folder:
            name, number = now, 1
            while True:
                try:
                    os.mkdir(name, 0o700, dir_fd=folder)
                except FileExistsError:
                    number += 1
                    name = f"{now}~{number}"
                else:
                    return f"{all_of_student}/{name}"


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _mode(entry: Entry) -> int:
    """At home a file belongs to the instructor alone; what could be run on the machine can be run here."""
    return 0o700 if entry.mode & 0o111 else 0o600


def _set_time(name: str, folder: int, entry: Entry) -> bool:
    """Set the modification time; False if this disk has no such time (students can set any)."""
    try:
        os.utime(raw(name), ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)
    except (OSError, OverflowError):
        return False
    return True


def _adjust(folder: int, name: str, entry: Entry, here: os.stat_result) -> bool:
    """Give a file whose content is right the machine's time and mode; say whether that changed anything."""
    changed = False
    if here.st_mode & 0o7777 != _mode(entry):
        with open_file(folder, name) as handle:
            os.chmod(handle, _mode(entry))
        changed = True
    if here.st_mtime_ns != entry.mtime_ns and _set_time(name, folder, entry):
        now = os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
        changed = changed or now.st_mtime_ns != here.st_mtime_ns  # a disk may keep times less exactly
    return changed


def _write(handle: int, block: bytes) -> None:
    """Write `block`, or leave a hole for zeros: a sparse file of gigabytes stays small."""
    if block == _ZEROS[: len(block)]:
        os.lseek(handle, len(block), os.SEEK_CUR)
        return
    view = memoryview(block)
    while view:
        view = view[os.write(handle, view) :]
