"""The commands by which a student sees what was saved, `my-work`, and brings a file back, `bring-back`."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from typing import NamedTuple
from urllib.parse import unquote

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import file_names, secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable, raw
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    digest_of,
    move_to_free_name,
    open_folder,
    open_root,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import SAVED, Settings, git
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import (
    FILE,
    FOLDER,
    LINK,
    Entry,
    write_entry,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, OwnWorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import History, Version, moment
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import encoded

SHOWN = 20


class Change(NamedTuple):
    """What a version did to one path: `status` is A, M, T or D, as git has it."""

    version: Version
    status: str
    path: str


class OwnWork:
    """What a student asks about the own folder."""

    def __init__(self, settings: Settings, username: str, here: str = "/") -> None:
        """Names count from `here`, where the student's terminal is, if that is in the folder."""
        self.settings, self.username = settings, username
        self.folder = os.path.realpath(os.path.join(settings.source, username))
        self.history = History(os.path.join(settings.store, username, "history.git"))
        self.here = here if (here + "/").startswith(self.folder + "/") else self.folder

    def path_of(self, name: str) -> str:
        """Return the path in the folder that the student means; raise OwnWorkError if it lies elsewhere."""
        full = os.path.normpath(os.path.join(self.here, name))
        if not full.startswith(self.folder + "/"):
            raise OwnWorkError(f"{printable(name)} is not in {self.folder}. Only what is there is saved.")
        return file_names.text(full[len(self.folder) + 1 :])

    def changes(self, path: str = "") -> list[Change]:
        """Return what was saved, newest first; of `path`, a file or folder, or of everything."""
        if self.history.owner() is None or not self.history.head():
            return []
        place = f"work/{encoded(path)}" if path else "work"
        listing = ("log", "--topo-order", "--no-renames", "--name-status", "-z", "--format=%x01%H %ct", BRANCH)
        changes = []
        for block in git(self.history, "--literal-pathspecs", *listing, "--", place).split("\x01")[1:]:
            first, *rest = (word.strip("\n") for word in block.split("\0"))
            commit, seconds = first.split()
            version = Version(commit, datetime.fromtimestamp(int(seconds), UTC), SAVED)
            words = [word for word in rest if word]
            for status, name in zip(words[::2], words[1::2], strict=True):
                changes.append(Change(version, status, unquote(name, errors="surrogateescape")[len("work/") :]))
        return changes

    def versions(self, path: str) -> list[Version]:
        """Return the versions in which `path` came to be as it was, newest first."""
        changes = self.changes(path)
        gone = {change.version for change in changes if change.status == "D"}
        found = list(dict.fromkeys(change.version for change in changes))
        return [version for version in found if version not in gone or self._holds(version, path)]

    def _holds(self, version: Version, path: str) -> bool:
        return any(_is_in(each, path) for each, entry in self._files(version).items() if entry.kind != FOLDER)

    def _files(self, version: Version) -> dict[str, Entry]:
        return self.history.state(version.commit).files

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
        lines.append("All versions of a file:  my-work FILE      An earlier one back:  bring-back FILE")
        return "\n".join(lines)

    def _known_versions(self, path: str) -> list[Version]:
        if versions := self.versions(path):
            return versions
        raise OwnWorkError(
            f"{printable(path)} was never saved. my-work lists what was. Work is saved every "
            f"{self.settings.minutes} minutes, files up to {self.settings.largest_mb} MB."
        )

    def choose(self, path: str, when: str) -> Version:
        """Return the version of `path` that the student means by `when`: a number of the list, a time, or nothing."""
        versions = self._known_versions(path)
        if when.isdecimal():
            if not 1 <= int(when) <= len(versions):
                raise OwnWorkError(f"There is no version {when}: my-work {shown_name(path)} lists them.")
            return versions[int(when) - 1]
        if when:
            until = until_of(when)
            for version in versions:
                if version.time <= until:
                    return version
            raise OwnWorkError(f"It was not saved before {when}; first at {clock(versions[-1].time)}.")
        for version in versions:
            if not self._is_now(version, path):
                return version
        raise OwnWorkError(f"{printable(path)} is as it was saved, and there is no earlier version.")

    def _is_now(self, version: Version, path: str) -> bool:
        """Say whether the file lies in the folder as it is in `version`."""
        entry = self._files(version).get(path)
        if entry is None or entry.kind != FILE:
            return False
        try:
            with open_root(self.folder) as root, reader(root, path) as file:
                return digest_of(iter(lambda: file.read(secure_files.BLOCK), b"")) == entry.digest
        except OSError:
            return False

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
                    self._lay(folder, version, {aside + each[len(path) :]: each for each in files}, files)
                    return os.path.join(self.folder, parent, _place(folder, aside, last, version))
                finally:
                    _remove(folder, aside)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OwnWorkError("the disk is full. Delete what you no longer need, then try again.") from error
            raise OwnWorkError(f"{printable(path)} cannot be brought back: {error.strerror}.") from error

    def _lay(self, folder: int, version: Version, places: dict[str, str], files: dict[str, Entry]) -> None:
        """Write `files` of `version` to their `places`; each must be what was saved."""
        contents = [place for place, path in places.items() if files[path].kind == FILE]
        for place, path in places.items():
            parent, _, name = place.rpartition("/")
            if files[path].kind == FOLDER:
                with open_folder(folder, place, make=True):
                    pass
            elif files[path].kind == LINK:
                with open_folder(folder, parent, make=True) as within:
                    os.symlink(raw(files[path].digest), raw(name), dir_fd=within)
        pieces = self.history.contents(version.commit, [f"work/{encoded(places[place])}" for place in contents])
        for place, content in zip(contents, pieces, strict=True):
            entry = files[places[place]]
            parent, _, name = place.rpartition("/")
            with open_folder(folder, parent, make=True) as within:
                if write_entry(within, name, entry, content, entry.mode & 0o777) != entry.digest:
                    raise OwnWorkError(f"{printable(places[place])} is damaged in the history. Tell your instructor.")


def _is_in(each: str, path: str) -> bool:
    return each == path or each.startswith(path + "/")


def _place(folder: int, aside: str, name: str, version: Version) -> str:
    """Give what lies `aside` its `name`, or one beside it if that is taken; nothing is ever replaced."""
    stem, dot, ending = name.rpartition(".") if "." in name[1:] else (name, "", "")
    beside = f"{stem}.from-{version.time:%Y-%m-%dT%H-%MZ}"
    later = (f"{beside}~{number}{dot}{ending}" for number in count(2))
    return move_to_free_name(folder, aside, folder, chain([name, f"{beside}{dot}{ending}"], later))


def _remove(folder: int, aside: str) -> None:
    """Remove what did not get its name."""
    with suppress(OSError):
        os.unlink(aside, dir_fd=folder)
    shutil.rmtree(aside, ignore_errors=True, dir_fd=folder)


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
    """Return the end of the time that the student wrote; raise OwnWorkError if it is none."""
    now = datetime.now().astimezone()
    words = {"today": f"{now:%Y-%m-%d}", "yesterday": f"{now - timedelta(days=1):%Y-%m-%d}"}.get(when, when)
    if words[:-3].isdecimal() and words[-3:-2] == ":":  # 9:30
        words = f"{now:%Y-%m-%d}T{words:0>5}"
    try:
        return moment(words)
    except HistoryError as error:
        raise OwnWorkError(f"{error} Or 14:30, today, yesterday, or a number of the list.") from error


def shown_name(name: str) -> str:
    """Return `name` as it may be typed into a shell."""
    plain = name.replace("/", "").replace(".", "").replace("-", "").replace("_", "").isalnum()
    return printable(name) if plain else "'" + printable(name).replace("'", "'\\''") + "'"
