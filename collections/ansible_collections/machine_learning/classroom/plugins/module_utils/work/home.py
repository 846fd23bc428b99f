"""One student's work at home, on the control node: received from a machine, kept in a history, and sent to a machine.

Under the folder that holds all students' work:

    USERNAME/                       the work as it was at the last collect (`home_folder`)
    .history/USERNAME.git/          every collect, in git, what machines saved between, and whose work it is (`history`)
    .records/USERNAME.json          which signature each file had on the machine, so that only changes travel
    .records/USERNAME.lock          held while a collect is at work on this student
    .records/USERNAME.collected     empty; its time is that of the last collect after which all was at home
    .records/USERNAME.machine       the instance id of the machine on which this work goes on
    .incoming-USERNAME/             what is arriving (`arrivals`), or is made ready to be sent; left only by a run that
                                    was killed, and then removed by the next

A student is an address in a class. If `USERNAME` is the work of somebody else, who had this name in another class, the
folder is `USERNAME~2`, and so on: nobody's work comes under another's, nor is given to a namesake.

A new version is in the history before a file of `USERNAME/` is replaced or removed, and so is what somebody edited
here. What the machine sends is never trusted: contents are hashed again from this disk before they get their names.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    flush,
    open_root,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.arrivals import Arrivals
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_import import keep_autosaved
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import FILE
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
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home_folder import Counts, HomeFolder
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import Pack
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import State, encoded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import Entry
    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved

SPARE_BYTES = 32 << 20
"""What a collect leaves free on this disk: records and folders need room, too."""

_USERNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class StudentHome:
    """The work of `username`, who is `owner`, below `home`, a path."""

    def __init__(self, home: str, username: str, owner: Owner, formerly: Collection[str] = ()) -> None:
        """Nothing is made yet; `formerly` are e-mail addresses that the owner had before.

        Raise WorkError if the username could not be a folder of its own.
        """
        if not _USERNAME.fullmatch(username):
            raise WorkError(f"{printable(username)!r} is no username: letters, digits, and - _ . but not first.")
        self.home, self.username, self.owner = os.path.abspath(home), username, owner
        self._formerly = {Owner(owner.class_name, email.casefold()) for email in formerly} - {owner}
        self.name = self._find()
        self.incoming = os.path.join(self.home, f".incoming-{self.name}")
        self.history = History(self._history_path(self.name))
        self._records = os.path.join(self.home, ".records")
        self._collected = os.path.join(self._records, f"{self.name}.collected")
        self._machine = os.path.join(self._records, f"{self.name}.machine")
        self.folder = HomeFolder(self.home, self.name, f"{self._records}/{self.name}.json")
        self.path = self.folder.path
        self._newest = State()

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
        """Remember the owner's new address, if it has changed; raise WorkError if it cannot be."""
        with self._explained():
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
        with self._explained():
            os.makedirs(self._records, mode=0o700, exist_ok=True)
            handle = os.open(f"{self._records}/{self.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with self._explained():
                self._lock(handle, time.monotonic() + wait_s, wait_s)
                with suppress(OSError):  # on a full disk the holder is unnamed, that is all
                    os.truncate(handle, 0)
                    os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
                self.discard()
                self.history = History(self.history.path, lock=handle)
                self.history.git.tidy()
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
        """Return what is at home: path to entry as the machine last had it; see `HomeFolder.look`."""
        with self._explained():
            self._newest = self.history.state() if self.history.owner() else State()
            return self.folder.look()

    def templates(self) -> list[str]:
        """Return the SHA-256 of all templates that the history's newest version has."""
        return sorted(set(self._newest.delivered.values()))

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
        with self._explained():
            os.mkdir(self.incoming, 0o700)
        return self.incoming

    def write_pack(self, path: str, content: bytes) -> None:
        """Write a pack that came with the machine's answer."""
        with self._explained(), open(path, "xb") as out:
            out.write(content)

    def receive(self, manifest: Manifest, pack: str) -> Counts:
        """Make home as the machine is, by `manifest` and the file `pack` (may be "" if no content is needed).

        The history has it first. Raise WorkError if anything does not add up; every file at home is then whole, old or
        new, and the history has each.
        """
        manifest.gone = sorted(manifest.leaving(self.folder.entries()))
        self._check(manifest, pack)
        counts = Counts()
        try:
            with self._explained():
                os.makedirs(self.incoming, mode=0o700, exist_ok=True)
                with open_root(self.incoming) as incoming:
                    arrived = Arrivals(incoming)
                    if pack:
                        arrived.unpack(manifest, pack)
                        flush(self.home)  # a checksum of what is still in memory proves nothing about the disk
                        arrived.verify(manifest)
                    version = self._keep(manifest, arrived)
                    if manifest.put or manifest.gone:
                        counts = self.folder.apply(manifest, arrived)
                    counts.version = version
                if counts.any():
                    flush(self.home)  # the machine may be destroyed on our word
        finally:
            self.discard()
        return counts

    def _check(self, manifest: Manifest, pack: str) -> None:
        """Raise WorkError unless each content is at home or comes with the pack."""
        for path, (entry, at) in manifest.put.items():
            if entry.kind == FILE and (not pack if at >= 0 else not self.folder.has(path, entry)):
                raise WorkError(f"the machine did not send the content of {printable(path)}. Run collect again.")
        for name, (digest, _, at) in manifest.delivered.items():
            if not pack if at >= 0 else self._newest.delivered.get(name) != digest:
                raise WorkError(f"the machine did not send the template {name}. Run collect again.")

    def _keep(self, manifest: Manifest, arrived: Arrivals) -> str:
        """Let the history have what home is, if somebody edited it, and then what it is to become.

        Return the commit of the latter; "" if the newest one has it all.
        """
        here, gone = self.folder.entries(), set(manifest.gone)
        files = {path: entry for path, entry in here.items() if path not in gone}
        files |= {path: entry for path, (entry, _) in manifest.put.items()}
        new = State(
            files=files,
            delivered=self._delivered(manifest),
            broken=self.folder.broken_after(manifest, files),
            incomplete=sorted({*manifest.unstable, *manifest.left}),
        )
        old, version = self._newest, ""
        if self.history.owner() is None:
            if not (new.files or new.delivered or here):
                return ""
            self.history.make(self.owner)
        with ExitStack() as opened:
            root = opened.enter_context(self.folder.opened()) if self.folder.exists() else -1
            found = State(files=here, delivered=old.delivered)
            if not found.same_work(old):
                self.history.commit(found, old, lambda path: reader(root, path), {}, FOUND)
                old = found
            if new.packed() != old.packed():
                version = self.history.commit(
                    new, old, lambda path: arrived.reader(path) or reader(root, path), arrived.delivered, COLLECTED
                )
                self.history.git.pack()
        return version

    def _delivered(self, manifest: Manifest) -> dict[str, str]:
        """Return what the student was given, the base of this work; a machine that never got the work knows another."""
        given = {name: row[0] for name, row in manifest.delivered.items()}
        return given if given and (manifest.settled or not self._newest.delivered) else self._newest.delivered

    def receive_autosaved(self, sent: list[Saved], pack: str) -> int:
        """Keep the versions that the machine saved itself, in the history only; return how many are new.

        Raise WorkError if they cannot be kept; all that is at home is then as it was.
        """
        with self._explained():
            if self.history.owner() is None:
                self.history.make(self.owner)
            count = keep_autosaved(self.history, sent, pack, f"{self.incoming}/objects")
            if count:
                flush(self.home)
        return count

    def goes_on_elsewhere(self, machine: str) -> bool:
        """Say whether this work goes on on another machine than `machine`, an instance id ("" if that is not known).

        The folder there may have begun with what home had, but holds what the student left behind on it.
        """
        return bool(machine) and self._last_machine() not in ("", machine)

    def goes_on_at(self, machine: str) -> None:
        """Remember that the folder on `machine` has, or is about to get, what home has; nothing if home has nothing."""
        if machine and self._last_machine() != machine and self.history.owner() and self.history.head():
            with self._explained():
                records.make_private(self._records)
                records.write_json(self._machine, {"instance_id": machine})

    def _last_machine(self) -> str:
        """Return on which machine this work goes on; "" if none had any of it, or if that was not remembered."""
        with self._explained():
            return str(records.read_json(self._machine).get("instance_id", ""))

    def mark_collected(self) -> None:
        """Remember that all of it is at home now, also if there was nothing new."""
        with suppress(OSError):  # on a full disk it is not remembered, that is all
            Path(self._collected).touch(mode=0o600)

    def last_collected(self) -> datetime | None:
        """Return when all of it was last at home: if that was not remembered, when something new came; None for never.

        Raise WorkError if the history cannot be read.
        """
        with self._explained():
            if os.path.exists(self._collected):
                return datetime.fromtimestamp(os.stat(self._collected).st_mtime, UTC)
            return max((version.time for version in self.history.versions() if version.kind == COLLECTED), default=None)

    def send(self, version: Version) -> tuple[Manifest, str, int]:
        """Make a pack of `version`: return what it holds, where it is, and the disk space that its files need.

        Every content is verified against the SHA-256 that it had on the machine. Call it with the student locked.
        """
        with self._explained():
            state = self.history.state(version.commit)
            if version.kind == AUTOSAVED:
                state.delivered = {}  # a student's machine gives no templates away
            manifest = Manifest(put={path: (entry, -1) for path, entry in state.files.items()})
            try:
                manifest.check()
            except ValueError as error:
                raise WorkError(f"{self.history.path}: {version.commit[:12]} is no version of work: {error}") from error
            pack = Pack(self.home, lambda: f"{self.make_incoming()}/pack")
            try:
                allocated = self._pack(version, state, manifest, pack)
                pack.close()
            except PackError as error:
                raise WorkError(self._full(str(error.__cause__))) from error
        return manifest, pack.path, allocated

    def _pack(self, version: Version, state: State, manifest: Manifest, pack: Pack) -> int:
        """Write all contents of `version` to `pack`, note in `manifest` where, and return the disk space they need."""
        files = sorted(path for path, entry in state.files.items() if entry.kind == FILE)
        wanted = [(state.files[path].digest, f"work/{encoded(path)}", path, True) for path in files]
        wanted += [(sha256, f"delivered/{name}", name, False) for name, sha256 in sorted(state.delivered.items())]
        contents = self.history.git.contents(version.commit, [in_git for _, in_git, _, _ in wanted])
        allocated = 0
        for (sha256, in_git, name, is_work), pieces in zip(wanted, contents, strict=True):
            at, digest = pack.length, hashlib.sha256()
            pack.write(b"")
            for block in pieces:
                digest.update(block)
                pack.write(block)
                allocated += len(block) if block.strip(b"\0") else 0
            if digest.hexdigest() != sha256:
                raise WorkError(f"{self.history.path}: {printable(in_git)} is not what was collected.")
            if is_work:
                manifest.put[name] = (state.files[name], at)
            else:
                manifest.delivered[name] = [sha256, pack.length - at, at]
        return allocated

    def discard(self) -> None:
        """Remove what arrived, or what `send` made."""
        shutil.rmtree(self.incoming, ignore_errors=True)

    def tidy(self, lock_wait_s: float) -> None:
        """Remove what a run that was killed had made to send, though the machine may have got it all."""
        if os.path.lexists(self.incoming):
            with self.locked(lock_wait_s):
                pass  # that removes it

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say as a WorkError what goes wrong with the history or on the disk."""
        try:
            yield
        except NoRoomError as error:
            raise WorkError(self._full(str(error))) from error
        except HistoryError as error:
            raise WorkError(str(error)) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise WorkError(self._full(error.strerror or "no space")) from error
            path = printable(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else self.path
            what = f"{path}: {error.strerror}"
            raise WorkError(f"{what}. Put that right on this control node, then run again.") from error

    def _full(self, how: str) -> str:
        return (
            f"the disk of {self.home} on this control node is full ({how}). "
            "Nothing is lost: the work is still on the machine. Make room, or set class_work_home to another disk; "
            "then run again."
        )
