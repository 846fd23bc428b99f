"""The commands by which a student sees what was saved, `my-work`, and brings a file back, `bring-back`.

They read the history that `autosave` keeps. What comes back is laid beside what is there, over nothing. All of this
runs as the student.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    BLOCK,
    digest_of,
    move_to_free_name,
    open_folder,
    open_root,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import REMOVED, SAVED, Settings
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    FILE,
    FOLDER,
    LINK,
    Entry,
    write_entry,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import CommandError, HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import History, Version, moment
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.trash import REMEDY, recall
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import encoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN = 20
"""Lines of a list: a screen full."""
SHOWN_OF_TRASH = 5


class Change(NamedTuple):
    """What a version did to one path: `status` is A, M, T or D, as git has it."""

    version: Version
    status: str
    path: str


class StudentHistory:
    """What was saved of a student's folder, for the student at a terminal."""

    def __init__(self, settings: Settings, username: str, here: str = "/") -> None:
        """Names count from `here`, where the student's terminal is, if that is in the folder."""
        self.settings, self.username = settings, username
        self.folder = os.path.realpath(os.path.join(settings.source, username))
        self.history = History(os.path.join(settings.store, username, "history.git"))
        self.here = here if (here + "/").startswith(self.folder + "/") else self.folder

    def listing(self, name: str = "") -> str:
        """Say what was saved: of the file or folder `name`, or of everything."""
        if name:
            path = self.path_of(name)
            versions = self._known_versions(path)
            lines = [f"{number:4}  {clock(version.time)}" for number, version in enumerate(versions[:SHOWN], 1)]
            more = [f"      and {len(versions) - SHOWN} earlier"] if len(versions) > SHOWN else []
            one = f"One of them, beside what is there now:  bring-back {shown_name(name)} NUMBER"
            return "\n".join([f"{printable(path)} was saved like this:", *lines, *more, one])
        newest: dict[str, Change] = {}
        for change in self.changes():
            newest.setdefault(change.path, change)
        if not newest:
            return "Nothing is saved yet."
        lines = [f"Your work is saved every {self.settings.minutes} minutes. The last changes:"]
        for change in list(newest.values())[:SHOWN]:
            word = "deleted" if change.status == "D" else "saved"
            lines.append(f"  {clock(change.version.time)}  {word:8} {printable(change.path)}")
        lines += self._gone_from_trash()
        lines.append("All versions of a file:  my-work FILE      An earlier one back:  bring-back FILE")
        return "\n".join(lines)

    def _gone_from_trash(self) -> list[str]:
        """Name what was removed from the trash."""
        removed = recall(os.path.join(self.settings.store, self.username, REMOVED))[-SHOWN_OF_TRASH:]
        lines = [f"  {clock(each.time)}  {printable(each.path)}" for each in reversed(removed)]
        return ["Removed from your trash, since the disk was nearly full; all of it is saved:", *lines] if lines else []

    def bring_back(self, name: str, when: str = "") -> str:
        """Lay an earlier version of `name` into the folder, beside what has this name; return where it is."""
        path = self.path_of(name)
        version = self.choose(path, when)
        files = {each: entry for each, entry in self._files(version).items() if _is_in(each, path)}
        parent, _, last = path.rpartition("/")
        aside = f".bring-back-{secrets.token_hex(4)}"
        try:
            with open_root(self.folder) as root, open_folder(root, parent, make=True) as folder:
                try:
                    self._lay(folder, {each: aside + each[len(path) :] for each in files}, version, files)
                    free = move_to_free_name(folder, aside, folder, _names(last, version))
                    return os.path.join(self.folder, parent, free)
                finally:
                    _remove(folder, aside)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise CommandError(f"the disk is full. {REMEDY} Then try again.") from error
            raise CommandError(f"{printable(path)} cannot be brought back: {error.strerror}.") from error

    def choose(self, path: str, when: str) -> Version:
        """Return the version of `path` that the student means by `when`: a number of the list, a time, or nothing."""
        versions = self._known_versions(path)
        if when.isdecimal():
            if not 1 <= int(when) <= len(versions):
                raise CommandError(f"There is no version {when}: my-work {shown_name(path)} lists them.")
            return versions[int(when) - 1]
        if when:
            until = until_of(when)
            for version in versions:
                if version.time <= until:
                    return version
            raise CommandError(f"It was not saved before {when}; first at {clock(versions[-1].time)}.")
        for version in versions:
            if not self._is_now(version, path):
                return version
        raise CommandError(f"{printable(path)} is as it was saved, and there is no earlier version.")

    def path_of(self, name: str) -> str:
        """Return the path in the folder that the student means; raise CommandError if it lies elsewhere."""
        full = os.path.normpath(os.path.join(self.here, name))
        if not full.startswith(self.folder + "/"):
            raise CommandError(f"{printable(name)} is not in {self.folder}. Only what is there is saved.")
        return text(full[len(self.folder) + 1 :])

    def versions(self, path: str) -> list[Version]:
        """Return the versions in which `path` came to be as it was, newest first."""
        changes = self.changes(path)
        gone = {change.version for change in changes if change.status == "D"}
        found = list(dict.fromkeys(change.version for change in changes))
        return [version for version in found if version not in gone or self._holds(version, path)]

    def changes(self, path: str = "") -> list[Change]:
        """Return what was saved, newest first; of `path`, a file or folder, or of everything."""
        if self.history.owner() is None or not self.history.head():
            return []
        in_git = f"work/{encoded(path)}" if path else "work"
        listing = ("log", "--topo-order", "--no-renames", "--name-status", "-z", "--format=%x01%H %ct", BRANCH)
        said = self.history.git.ask("--literal-pathspecs", *listing, "--", in_git).decode(errors="replace")
        changes = []
        for block in said.split("\x01")[1:]:
            first, *rest = (field.strip("\n") for field in block.split("\0"))
            commit, seconds = first.split()
            version = Version(commit, datetime.fromtimestamp(int(seconds), UTC), SAVED)
            fields = [field for field in rest if field]
            for status, name in zip(fields[::2], fields[1::2], strict=True):
                changes.append(Change(version, status, unquote(name, errors="surrogateescape")[len("work/") :]))
        return changes

    def _known_versions(self, path: str) -> list[Version]:
        if versions := self.versions(path):
            return versions
        raise CommandError(
            f"{printable(path)} was never saved. my-work lists what was. Work is saved every "
            f"{self.settings.minutes} minutes, files up to {self.settings.largest_mb} MB."
        )

    def _holds(self, version: Version, path: str) -> bool:
        return any(_is_in(each, path) for each, entry in self._files(version).items() if entry.kind != FOLDER)

    def _files(self, version: Version) -> dict[str, Entry]:
        return self.history.state(version.commit).files

    def _is_now(self, version: Version, path: str) -> bool:
        """Say whether the file lies in the folder as it is in `version`."""
        entry = self._files(version).get(path)
        if entry is None or entry.kind != FILE:
            return False
        try:
            with open_root(self.folder) as root, reader(root, path) as file:
                return digest_of(iter(lambda: file.read(BLOCK), b"")) == entry.digest
        except OSError:
            return False

    def _lay(self, folder: int, targets: Mapping[str, str], version: Version, files: Mapping[str, Entry]) -> None:
        """Write `files` of `version`, each to its path of `targets` in `folder`; each must be what was saved."""
        for path, entry in files.items():
            parent, _, name = targets[path].rpartition("/")
            if entry.kind == FOLDER:
                with open_folder(folder, targets[path], make=True):
                    pass
            elif entry.kind == LINK:
                with open_folder(folder, parent, make=True) as within:
                    os.symlink(raw(entry.digest), raw(name), dir_fd=within)
        contents = [path for path, entry in files.items() if entry.kind == FILE]
        pieces = self.history.git.contents(version.commit, [f"work/{encoded(path)}" for path in contents])
        for path, content in zip(contents, pieces, strict=True):
            entry = files[path]
            parent, _, name = targets[path].rpartition("/")
            with open_folder(folder, parent, make=True) as within:
                if write_entry(within, name, entry, content, entry.mode & 0o777) != entry.digest:
                    raise CommandError(f"{printable(path)} is damaged in the history. Tell your instructor.")


def clock(time_: datetime) -> str:
    """Say when it was, by the machine's clock and from now."""
    minutes = int((datetime.now(UTC) - time_).total_seconds() // 60)
    if minutes < 120:
        ago = f"{minutes} minutes ago"
    elif minutes < 48 * 60:
        ago = f"{minutes // 60} hours ago"
    else:
        ago = f"{minutes // 60 // 24} days ago"
    return f"{time_.astimezone():%Y-%m-%d %H:%M} ({ago})"


def until_of(when: str) -> datetime:
    """Return the end of the time that the student wrote; raise CommandError if it is none."""
    now = datetime.now().astimezone()
    written = {"today": f"{now:%Y-%m-%d}", "yesterday": f"{now - timedelta(days=1):%Y-%m-%d}"}.get(when, when)
    if written[:-3].isdecimal() and written[-3:-2] == ":":  # 9:30
        written = f"{now:%Y-%m-%d}T{written:0>5}"
    try:
        return moment(written)
    except HistoryError as error:
        raise CommandError(f"{error} Or 14:30, today, yesterday, or a number of the list.") from error


def shown_name(name: str) -> str:
    """Return `name` as it may be typed into a shell."""
    plain = name.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum()
    return printable(name) if plain else "'" + printable(name).replace("'", "'\\''") + "'"


def _is_in(each: str, path: str) -> bool:
    return each == path or each.startswith(path + "/")


def _names(name: str, version: Version) -> Iterator[str]:
    """Return what a thing that was called `name` in `version` may be called now: the name, or ones beside it."""
    stem, dot, ending = name.rpartition(".") if "." in name[1:] else (name, "", "")
    beside = f"{stem}.from-{version.time:%Y-%m-%dT%H-%MZ}"
    later = (f"{beside}~{number}{dot}{ending}" for number in count(2))
    return chain([name, f"{beside}{dot}{ending}"], later)


def _remove(folder: int, aside: str) -> None:
    """Remove what did not get its name."""
    with suppress(OSError):
        os.unlink(aside, dir_fd=folder)
    shutil.rmtree(aside, ignore_errors=True, dir_fd=folder)
