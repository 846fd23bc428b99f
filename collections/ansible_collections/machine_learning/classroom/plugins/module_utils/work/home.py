"""The control node's side of collecting work: one student's folder at home.

Under the folder that holds all students' work:

    USERNAME/                       the work as it was at the last collect
    .history/USERNAME.git/          every collect, in git, what machines saved between, and whose work it is
                                    (see `work_history`)
    .records/USERNAME.json          which signature each file had on the machine, so that only changes travel
    .records/USERNAME.lock          held while a collect is at work on this student
    .incoming-USERNAME/             what is arriving; left only by a run that was killed, and then removed by the next

A student is an address in a class. If `USERNAME` is the work of somebody else, who had this name in another class, the
folder is `USERNAME~2`, and so on: nobody's work comes under another's, nor is given to a namesake.

A new version is in the history before a file of `USERNAME/` is replaced or removed, and so is what somebody edited
here. The record only saves time. Without it, or after a killed run, files are hashed again on both sides; nothing
depends on it being right. What the machine sends is never trusted: paths are opened part by part without following
links, and contents are hashed again from this disk before they take their place.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    blocks,
    digest_of,
    flush,
    open_file,
    open_folder,
    open_root,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.arrivals import Arrivals, mode_at_home
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    A_FOLDER,
    FILE,
    FOLDER,
    LINK,
    Entry,
    entry_of,
    set_time,
    survey,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import (
    HistoryError,
    NoRoomError,
    PackError,
    WorkError,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import (
    AUTOSAVED,
    COLLECTED,
    FOUND,
    History,
    Owner,
    Version,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import Pack
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import State, encoded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved

SPARE_BYTES = 32 << 20
"""What a collect leaves free on this disk: records and folders need room, too."""

_RECORD_VERSION = 1
_USERNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass
class Counts:
    """What a collect did at home, in files and links; `adjusted` are new folders, and new times or modes of files."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    adjusted: int = 0
    version: str = ""
    """The commit that was made; empty if the newest one has it all."""

    def any(self) -> bool:
        """Say whether anything at home changed."""
        return bool(self.new or self.changed or self.removed or self.adjusted or self.version)


class StudentHome:
    """The folder of `username`, who is `owner`, below `home`, a path."""

    def __init__(self, home: str, username: str, owner: Owner, formerly: Collection[str] = ()) -> None:
        """Nothing is made yet; `formerly` are e-mail addresses that the owner had before.

        Raise WorkError if the username could not be a folder of its own.
        """
        if not _USERNAME.fullmatch(username):
            raise WorkError(f"{printable(username)!r} is no username: letters, digits, and - _ . but not first.")
        self.home, self.username, self.owner = os.path.abspath(home), username, owner
        self._formerly = [Owner(owner.class_name, email.casefold()) for email in formerly]
        self.name = self._find()
        self.path = os.path.join(self.home, self.name)
        self.incoming = os.path.join(self.home, f".incoming-{self.name}")
        self.history = History(self._history_path(self.name))
        self.broken: set[str] = set()
        """Notebooks at home that do not parse, as far as known."""
        self._records = os.path.join(self.home, ".records")
        self._known: dict[str, Entry] = {}
        self._here: dict[str, Entry] = {}
        self._files: dict[str, list[Any]] = {}
        self._old = State()

    def _history_path(self, name: str) -> str:
        return os.path.join(self.home, ".history", f"{name}.git")

    def _find(self) -> str:
        """Return the name of the owner's folder: the first that is theirs or nobody's."""
        number, name = 1, self.username
        while History(self._history_path(name)).owner() not in (None, self.owner, *self._formerly):
            number += 1
            name = f"{self.username}~{number}"
        return name

    def follow_address(self) -> None:
        """Remember the owner's new address, if it has changed."""
        if self.history.owner() in self._formerly:
            self.history.own(self.owner)

    def note(self) -> str:
        """Return a sentence if the folder does not bear the username."""
        if self.name == self.username:
            return ""
        other = History(self._history_path(self.username)).owner()
        return f"the folder is {self.name}, because {self.username} is the work of {other}"

    @contextmanager
    def locked(self, wait_s: float) -> Iterator[None]:
        """Keep other collects off this student; raise WorkError if one is still at work after `wait_s` seconds.

        The kernel ends the lock with the process, however that dies. What a killed run left is removed.
        """
        try:
            os.makedirs(self._records, mode=0o700, exist_ok=True)
            handle = os.open(f"{self._records}/{self.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._fail(error)
        try:
            self._lock(handle, time.monotonic() + wait_s, wait_s)
            with suppress(OSError):  # on a full disk the holder is unnamed, that is all
                os.truncate(handle, 0)
                os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            self._remove_incoming()
            self.history = History(self.history.path, lock=handle)
            self.history.tidy()
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
        with self._words():
            self._old = self.history.state() if self.history.owner() else State()
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

    def templates(self) -> list[str]:
        """Return the SHA-256 of all templates that the history's newest version has."""
        return sorted(set(self._old.delivered.values()))

    def foresee(self, manifest: Manifest) -> Counts:
        """Return what `receive` would do."""
        gone = manifest.gone if manifest.settled else []
        counts = Counts(removed=sum(self._known.get(path, A_FOLDER).kind != FOLDER for path in gone))
        for path, (entry, at) in manifest.put.items():
            here = self._here.get(path)
            if entry.kind == FOLDER:
                counts.adjusted += 1
            elif here is None:
                counts.new += 1
            elif entry.kind == FILE and at < 0:
                counts.adjusted += (here.mtime_ns, here.mode) != (entry.mtime_ns, mode_at_home(entry))
            else:
                counts.changed += not self._has(path, entry)
        return counts

    def check_room(self, pack_bytes: int, allocated: int) -> None:
        """Raise WorkError unless this disk holds a pack of that size and `allocated` bytes of files.

        The history takes them too: compressed, as the pack is.
        """
        disk = os.statvfs(self.home)
        free, needed = disk.f_bavail * disk.f_frsize, 2 * pack_bytes + allocated + SPARE_BYTES
        if free < needed:
            raise WorkError(self._full(f"{free >> 20} MB are free, {needed >> 20} MB are needed"))

    def make_incoming(self) -> str:
        """Make the private folder for what arrives and return its path."""
        try:
            os.mkdir(self.incoming, 0o700)
        except OSError as error:
            self._fail(error)
        return self.incoming

    def write_pack(self, path: str, content: bytes) -> None:
        """Write a pack that came with the machine's answer."""
        try:
            with open(path, "xb") as out:
                out.write(content)
        except OSError as error:
            self._fail(error)

    def receive(self, manifest: Manifest, pack: str) -> Counts:
        """Make home as the machine is, by `manifest` and the file `pack` (may be "" if no content is needed).

        The history has it first. Raise WorkError if anything does not add up; every file at home is then whole, old or
        new, and the history has each.
        """
        if not manifest.settled:
            manifest.gone = []
        self._check(manifest, pack)
        counts = Counts()
        try:
            os.makedirs(self.incoming, mode=0o700, exist_ok=True)
            with open_root(self.incoming) as incoming, self._words():
                arrived = Arrivals(incoming)
                if pack:
                    arrived.unpack(manifest, pack)
                    flush(self.home)  # a checksum of what is still in memory proves nothing about the disk
                    arrived.verify(manifest)
                self._keep(manifest, arrived, counts)
                if manifest.put or manifest.gone:
                    self._place(manifest, arrived, counts)
            if counts.any():
                flush(self.home)  # the machine may be destroyed on our word
        except OSError as error:
            self._fail(error)
        finally:
            self._remove_incoming()
        return counts

    def _keep(self, manifest: Manifest, arrived: Arrivals, counts: Counts) -> None:
        """Let the history have what home is, if somebody edited it, and then what it is to become."""
        here = {path: self._kept_entry(path, entry) for path, entry in self._known.items()}
        files = {path: entry for path, entry in here.items() if path not in set(manifest.gone)}
        files |= {path: entry for path, (entry, _) in manifest.put.items()}
        new = State(
            files=files,
            delivered=self._delivered(manifest),
            broken=self._broken_of(manifest, files),
            incomplete=sorted({*manifest.unstable, *manifest.left}),
        )
        old = self._old
        if self.history.owner() is None:
            if not (new.files or new.delivered or here):
                return
            self.history.make(self.owner)
        with ExitStack() as opened:
            root = opened.enter_context(self._opened()) if os.path.lexists(self.path) else -1
            found = State(files=here, delivered=old.delivered)
            if not found.same_work(old):
                self.history.commit(found, old, lambda path: reader(root, path), {}, FOUND)
                old = found
            if new.packed() != old.packed():
                counts.version = self.history.commit(
                    new, old, lambda path: arrived.reader(path) or reader(root, path), arrived.delivered, COLLECTED
                )
                self.history.pack()

    def _delivered(self, manifest: Manifest) -> dict[str, str]:
        """Return what the student was given, the base of this work; a machine that never got the work knows another."""
        given = {name: row[0] for name, row in manifest.delivered.items()}
        return given if given and (manifest.settled or not self._old.delivered) else self._old.delivered

    def _kept_entry(self, path: str, entry: Entry) -> Entry:
        """Return the entry of `path` at home with the time and mode that it has here, if the machine's are unknown."""
        if entry.kind == FOLDER or entry.mtime_ns or entry.mode:
            return entry
        now = self._here[path]
        return entry._replace(size=now.size, mtime_ns=now.mtime_ns, mode=now.mode)

    def _broken_of(self, manifest: Manifest, files: Collection[str]) -> list[str]:
        resent = {path for path, (_, at) in manifest.put.items() if at >= 0}
        return sorted(path for path in (self.broken - resent) | set(manifest.broken) if path in files)

    def send(self, version: Version) -> tuple[Manifest, str, int]:
        """Make a pack of `version`: return what it holds, where it is, and the disk space that its files need.

        Every content is verified against the SHA-256 that it had on the machine. Call it with the student locked.
        """
        with self._words():
            state = self.history.state(version.commit)
            if version.kind == AUTOSAVED:
                state.delivered = {}  # a student's machine gives no templates away
            manifest = Manifest(put={path: (entry, -1) for path, entry in state.files.items()})
            try:
                manifest.check()
            except ValueError as error:
                raise WorkError(f"{self.history.path}: {version.commit[:12]} is no version of work: {error}") from error
            files = sorted(path for path, entry in state.files.items() if entry.kind == FILE)
            wanted = [(state.files[path].digest, f"work/{encoded(path)}", path, True) for path in files]
            wanted += [(sha256, f"delivered/{name}", name, False) for name, sha256 in sorted(state.delivered.items())]
            pack, allocated = Pack(self.home, lambda: f"{self.make_incoming()}/pack"), 0
            try:
                contents = self.history.contents(version.commit, [place for _, place, _, _ in wanted])
                for (sha256, place, name, is_work), pieces in zip(wanted, contents, strict=True):
                    at, digest = pack.length, hashlib.sha256()
                    pack.write(b"")
                    for block in pieces:
                        digest.update(block)
                        pack.write(block)
                        allocated += len(block) if block.strip(b"\0") else 0
                    if digest.hexdigest() != sha256:
                        raise WorkError(f"{self.history.path}: {printable(place)} is not what was collected.")
                    if is_work:
                        manifest.put[name] = (state.files[name], at)
                    else:
                        manifest.delivered[name] = [sha256, pack.length - at, at]
                pack.close()
            except PackError as error:
                raise WorkError(self._full(str(error.__cause__))) from error
        return manifest, pack.path, allocated

    def _check(self, manifest: Manifest, pack: str) -> None:
        for path, (entry, at) in manifest.put.items():
            if entry.kind == FILE and (not pack if at >= 0 else not self._has(path, entry)):
                raise WorkError(f"the machine did not send the content of {printable(path)}. Run collect again.")
        for name, (digest, _, at) in manifest.delivered.items():
            if not pack if at >= 0 else self._old.delivered.get(name) != digest:
                raise WorkError(f"the machine did not send the template {name}. Run collect again.")

    def _has(self, path: str, entry: Entry) -> bool:
        old = self._known.get(path)
        return old is not None and (old.kind, old.digest) == (entry.kind, entry.digest)

    def _place(self, manifest: Manifest, arrived: Arrivals, counts: Counts) -> None:
        with suppress(FileExistsError):
            os.mkdir(self.path, 0o700)
        with self._opened() as root:
            for path in sorted(manifest.gone, reverse=True):  # what is in a folder before the folder
                removed = self._clear(root, path)
                counts.removed += removed and self._known.get(path, A_FOLDER).kind != FOLDER
                counts.adjusted += removed and self._known.get(path, A_FOLDER).kind == FOLDER
            for path in sorted(manifest.put, key=lambda path: path.split("/")):  # a folder before what is in it
                self._place_one(root, path, *manifest.put[path], arrived, counts)
            self._record(root, manifest, arrived)

    def _place_one(self, root: int, path: str, entry: Entry, at: int, arrived: Arrivals, counts: Counts) -> None:
        parent, _, name = path.rpartition("/")
        with open_folder(root, parent) as folder:
            here = _status(folder, name)
            if entry.kind == FOLDER:
                if here is None or not stat.S_ISDIR(here.st_mode):
                    self._clear(root, path)
                    os.mkdir(raw(name), 0o700, dir_fd=folder)
                    counts.adjusted += 1
                return
            if entry.kind == FILE and at < 0:
                if here is None or entry_of(here) != self._here[path]:
                    raise self._changed(path)
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
                if stat.S_ISDIR(here.st_mode):
                    self._clear(root, path)
                elif path in self._here and entry_of(here) != self._here[path]:
                    raise self._changed(path)
            arrived.settle(path, folder, name)

    def _clear(self, root: int, path: str) -> bool:
        """Remove what the history has of `path`; False if there is nothing.

        What came here since we looked is in no history yet. So it stays, and the next collect finds it.
        """
        parent, _, name = path.rpartition("/")
        try:
            with open_folder(root, parent) as folder:
                here = _status(folder, name)
                if here is None:
                    return False
                if not stat.S_ISDIR(here.st_mode):
                    if path in self._here and entry_of(here) != self._here[path]:
                        raise self._changed(path)
                    os.unlink(raw(name), dir_fd=folder)
                    return True
                with open_folder(folder, name) as inside:
                    below = survey(inside)
                if below.blind or any(entry.kind != FOLDER for entry in below.found.values()):
                    raise self._changed(path)
                shutil.rmtree(raw(name), dir_fd=folder)  # pipes and the like may be in it
        except FileNotFoundError:
            return False
        return True

    def _changed(self, path: str) -> WorkError:
        return WorkError(f"{self.path}/{printable(path)} was changed during the collect. Run again.")

    def _record(self, root: int, manifest: Manifest, arrived: Arrivals) -> None:
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
        self.broken = set(self._broken_of(manifest, files))
        if files == self._files:
            return
        record = {"version": _RECORD_VERSION, "files": files, "broken": sorted(self.broken)}
        beside = f"{self._records}/{self.name}.new"
        with open(beside, "w", encoding="ascii") as out:
            out.write(json.dumps(record, separators=(",", ":")))
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, f"{self._records}/{self.name}.json")
        self._files = files

    def _read_record(self) -> tuple[dict[str, list[Any]], set[str]]:
        try:
            with open(f"{self._records}/{self.name}.json", encoding="ascii") as record:
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
                root = opened.enter_context(open_folder(home, self.name))
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise WorkError(f"{self.path} is in the way: it is no folder. Move it, then run again.") from error
                raise
            yield root

    def _target(self, root: int, path: str) -> str:
        parent, _, name = path.rpartition("/")
        with open_folder(root, parent) as folder:
            return text(os.readlink(raw(name), dir_fd=folder))

    def receive_autosaved(self, sent: list[Saved], pack: str) -> int:
        """Keep the versions that the machine saved itself, in the history only; return how many are new.

        Raise WorkError if they cannot be kept; all that is at home is then as it was.
        """
        try:
            with self._words():
                if self.history.owner() is None:
                    self.history.make(self.owner)
                count = self.history.keep_autosaved(sent, pack, f"{self.incoming}/objects")
            if count:
                flush(self.home)
        except OSError as error:
            self._fail(error)
        return count

    def discard(self) -> None:
        """Remove what arrived, or what `send` made."""
        self._remove_incoming()

    def tidy(self, lock_wait_s: float) -> None:
        """Remove what a run that was killed had made to send, though the machine may have got it all."""
        if os.path.lexists(self.incoming):
            with self.locked(lock_wait_s):
                pass  # that removes it

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Say as a WorkError what the history raises."""
        try:
            yield
        except NoRoomError as error:
            raise WorkError(self._full(str(error))) from error
        except HistoryError as error:
            raise WorkError(str(error)) from error

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


def former_addresses(email: str, changed: Mapping[str, str]) -> list[str]:
    """Return the addresses that by `changed` (old: new) have become `email`."""
    return [old for old, new in changed.items() if new.casefold() == email.casefold()]


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _adjust(folder: int, name: str, entry: Entry, here: os.stat_result) -> bool:
    """Give a file whose content is right the machine's time and mode; say whether that changed anything."""
    changed = False
    if here.st_mode & 0o7777 != mode_at_home(entry):
        with open_file(folder, name) as handle:
            os.chmod(handle, mode_at_home(entry))
        changed = True
    if here.st_mtime_ns != entry.mtime_ns and set_time(name, folder, entry):
        now = os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
        changed = changed or now.st_mtime_ns != here.st_mtime_ns  # a disk may keep times less exactly
    return changed
