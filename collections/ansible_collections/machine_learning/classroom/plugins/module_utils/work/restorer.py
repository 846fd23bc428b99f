"""The machine's side of restoring work: what came from home is laid into a student's folder, whole or not at all.

Everything is first written where no student can reach it, verified, given to the student, and then moved in one step:
to the student's folder if that is empty, else to a new folder in it. Nothing that is there is ever replaced.

A small record says that a student's folder on this machine began with what home had ("settled"). Without it a folder
is not yet what the student left: what is missing in it was not deleted, and collecting must not think so. Standard
library only: machines run this with their own Python.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from itertools import chain, count

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    flush,
    move_to_free_name,
    open_folder,
    open_root,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    FILE,
    FOLDER,
    set_time,
    write_entry,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import RECORDS, Manifest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import read_pack

SPARE_BYTES = 64 << 20
"""What stays free on the machine's disk."""


class RestoreError(Exception):
    """Why a student's work is not restored, in words for the instructor."""


class StudentFolder:
    """The folder of `username` below `source`; `store` is where root remembers things on this machine."""

    def __init__(self, source: str, username: str, store: str) -> None:
        """Nothing is made yet."""
        self.source, self.username, self.store = source, username, store
        self.path = os.path.join(source, username)
        self._aside = os.path.join(source, f".restoring-{username}")
        self._marks = os.path.join(store, "restored")
        self._mark = os.path.join(self._marks, f"{username}.json")
        self._delivered = os.path.join(store, "delivered")

    def tidy(self) -> None:
        """Remove what a killed run left."""
        shutil.rmtree(self._aside, ignore_errors=True)

    def is_tidy(self) -> bool:
        """Say whether no killed run left anything."""
        return not os.path.lexists(self._aside)

    def settled(self) -> bool:
        """Say whether this folder began with what home had."""
        mark = records.read_json(self._mark)
        if "placing" in mark:  # killed in the last step: was it taken?
            return os.path.isdir(self.path) and os.lstat(self.path).st_ino == mark["placing"]
        return bool(mark)

    def settle(self) -> None:
        """Remember that this folder began with what home had."""
        self._remember({"settled": True})

    def forget(self) -> None:
        """Forget that it did: since then the student's work has gone on on another machine."""
        with suppress(FileNotFoundError):
            os.unlink(self._mark)

    def has(self, name: str) -> bool:
        """Say whether the student's folder holds the folder `name`; a restored one is there whole."""
        return os.path.isdir(os.path.join(self.path, name)) and not os.path.islink(os.path.join(self.path, name))

    def lay(self, manifest: Manifest, pack: str, name: str, *, beside: bool) -> str:
        """Lay what `pack` holds into the folder and return where it is: the folder itself, or `name` in it.

        Not `beside`, it goes into the folder itself if that is empty, with the templates that the student was given.
        """
        if not os.path.isdir(self.path) or os.path.islink(self.path):
            raise RestoreError(f"there is no folder {self.path}. Run configure.yml, which makes it.")
        try:
            self.tidy()
            os.mkdir(self._aside, 0o700)
            work = os.path.join(self._aside, "work")
            os.mkdir(work, 0o700)
            templates = self._unpack(work, manifest, pack)
            self._give_away(work)
            flush(self.source)
            if beside:
                return self._move(work, name)
            self._keep_templates(templates)
            return self._move(work, name) if self._full() else self._become(work, name)
        except OSError as error:
            raise RestoreError(self._explain(error)) from error
        finally:
            self.tidy()

    def _unpack(self, work: str, manifest: Manifest, pack: str) -> dict[str, bytes]:
        """Write all files below the folder `work`, verify them, and return the templates."""
        templates = {}
        files = {path: entry for path, (entry, at) in manifest.put.items() if entry.kind == FILE}
        wanted = [(manifest.put[path][1], entry.size, (path, True)) for path, entry in files.items()]
        wanted += [(at, size, (name, False)) for name, (_, size, at) in manifest.delivered.items()]
        try:
            with open_root(work) as root:
                for path in sorted(manifest.put, key=lambda path: path.split("/")):  # a folder before what is in it
                    entry = manifest.put[path][0]
                    parent, _, name = path.rpartition("/")
                    with open_folder(root, parent) as folder:
                        if entry.kind == FOLDER:
                            os.mkdir(raw(name), 0o755, dir_fd=folder)
                        elif entry.kind != FILE:
                            os.symlink(raw(entry.digest), raw(name), dir_fd=folder)
                            set_time(name, folder, entry)
                for (path, is_work), pieces in read_pack(pack, wanted):
                    if not is_work:
                        templates[path] = b"".join(pieces)
                        continue
                    parent, _, name = path.rpartition("/")
                    with open_folder(root, parent) as folder:
                        digest = write_entry(folder, name, files[path], pieces, files[path].mode & 0o777)
                    if digest != files[path].digest:
                        raise RestoreError(f"{printable(path)} did not arrive as it was sent. Run again.")
        except ValueError as error:
            raise RestoreError(f"what arrived {error}. Run again.") from error
        return templates

    def _give_away(self, work: str) -> None:
        """Make the student, who owns the folder, the owner of all in `work`. Nobody else can reach it yet."""
        owner = os.lstat(self.path)
        for folder, folders, files in os.walk(work, topdown=False):
            for name in folders + files:
                os.lchown(os.path.join(folder, name), owner.st_uid, owner.st_gid)
        os.chown(work, owner.st_uid, owner.st_gid)

    def _keep_templates(self, templates: dict[str, bytes]) -> None:
        """Bring back what the student was given, unless this machine has given something already."""
        paths = {name: os.path.join(self._delivered, RECORDS[name].format(self.username)) for name in RECORDS}
        if os.path.exists(paths["record.json"]):
            return
        paths |= {name: os.path.join(self._delivered, name) for name in templates if name not in RECORDS}
        for name in sorted(templates):  # the record, which counts, comes last
            for folder in (self.store, self._delivered, os.path.dirname(paths[name])):
                records.make_private(folder)
            if not os.path.exists(paths[name]):
                records.write_bytes(paths[name], templates[name])

    def _full(self) -> bool:
        return bool(os.listdir(self.path))

    def _become(self, work: str, name: str) -> str:
        """Let `work` take the place of the student's empty folder."""
        self._remember({"placing": os.lstat(work).st_ino})
        try:
            os.rename(work, self.path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return self._move(work, name)  # the student was faster
        self.settle()
        return self.path

    def _move(self, work: str, name: str) -> str:
        """Move `work` to a new folder in the student's own."""
        names = chain([name], (f"{name}~{number}" for number in count(2)))
        with open_root(self._aside, follow=False) as aside, open_root(self.path, follow=False) as folder:
            return os.path.join(self.path, move_to_free_name(aside, os.path.basename(work), folder, names))

    def _remember(self, mark: dict[str, object]) -> None:
        records.make_private(self.store)
        records.make_private(self._marks)
        records.write_json(self._mark, mark)

    def _explain(self, error: OSError) -> str:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return no_room(self.source, error.strerror or "no space")
        return f"{printable(os.fsdecode(error.filename or self.path))} on the machine: {error.strerror}. Run again."


def no_room(source: str, how: str) -> str:
    """Say that the machine's disk is too small."""
    return (
        f"the machine's disk with {source} is full ({how}). Nothing was changed there, and the work is safe at home. "
        "Make room on the machine, then run again."
    )
