"""The history that a machine keeps of a student's folder, and the commands by which the student brings a file back.

Every few minutes a timer saves what is new (`Saving`), as the student whom the folder belongs to. `my-work` lists what
was saved, and `bring-back` lays an earlier version into the folder, over nothing (`OwnWork`). It is the same kind of
history as the instructor's (`work_history`), so the bytes stay as they are, whatever git thinks of their names.

The machine runs this without Ansible, with its own Python: `program` is the file that does. Standard library only.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import io
import json
import os
import pwd
import secrets
import stat
import subprocess
import sys
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from ansible_collections.machine_learning.classroom.plugins.module_utils import records, work, work_history
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import (
    FILE,
    FOLDER,
    LINK,
    Entry,
    collect,
    digest_of,
    open_folder,
    open_root,
    pack_known,
    printable,
    raw,
    reader,
    unpack_known,
    write_new,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work_history import (
    BRANCH,
    History,
    HistoryError,
    NoRoomError,
    Owner,
    Saved,
    State,
    Version,
    encoded,
    git_environment,
    moment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SETTINGS = "/etc/machine_learning_aws/my-work.json"
SAVED = "Saved"
TRIES = 3
"""A file may change between the look at the folder and the reading of its content."""
SPARE_BYTES = 256 << 20
"""What saving leaves free on the machine's disk: the student's own saving comes first."""
ENOUGH_TO_DROP = 50
"""Versions that are no longer wanted go together, since it rewrites the history."""
SHOWN = 20


class OwnWorkError(Exception):
    """A sentence for the student."""


@dataclass(frozen=True)
class Settings:
    """What the instructor decided: where the folders and the histories of all students are, and how much is kept."""

    source: str
    store: str
    largest_mb: int
    most_mb: int
    days: int
    minutes: int

    @classmethod
    def read(cls, path: str) -> Settings:
        """Return what the file `path` says."""
        with open(path, encoding="utf-8") as file:
            return cls(**json.load(file))


class Change(NamedTuple):
    """What a version did to one path: `status` is A, M, T or D, as git has it."""

    version: Version
    status: str
    path: str


class Saving:
    """Saves the folder of `username`."""

    def __init__(self, settings: Settings, username: str) -> None:
        """Nothing is made yet, but the folder of the history must be there: the service makes it."""
        self.settings, self.username = settings, username
        self.store = os.path.join(settings.store, username)
        self.history = History(os.path.join(self.store, "history.git"))
        self._known_file = os.path.join(self.store, "known")

    def save(self) -> str:
        """Keep what is new in the folder; return the commit, "" if nothing is new."""
        with self._locked():
            self.history.tidy()
            if self.history.owner() is None:
                self.history.make(Owner("", self.username))
            self._drop_old()
            for tries in range(TRIES, 0, -1):
                try:
                    # Not by way of the folder above, whose list of students is not the student's to read.
                    with open_root(os.path.join(self.settings.source, self.username)) as root:
                        return self._save(root)
                except NoRoomError:
                    raise
                except (HistoryError, FileNotFoundError):
                    if tries == 1:
                        raise
        return ""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for another one that saves; the kernel ends the lock with the process."""
        handle = os.open(os.path.join(self.store, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _save(self, root: int) -> str:
        old = self.history.state()
        known = self._known(old)
        manifest = collect(root, known, None, largest=self.settings.largest_mb << 20)
        files = {path: entry for path, entry in known.items() if path not in set(manifest.gone)}
        files |= {path: entry for path, (entry, _) in manifest.put.items()}
        new = State(files=files, incomplete=sorted({*manifest.unstable, *manifest.left}))
        commit = ""
        if not new.same_work(old):
            disk = os.statvfs(self.store)
            if disk.f_bavail * disk.f_frsize < manifest.allocated + SPARE_BYTES:
                raise OwnWorkError("the disk is nearly full, so nothing was saved. Delete what you no longer need.")
            commit = self.history.commit(new, old, lambda path: reader(root, path), {}, SAVED)
            self.history.pack()
        records.write_bytes(self._known_file, pack_known(files).encode())
        return commit

    def _known(self, old: State) -> dict[str, Entry]:
        """Return what the history has, with the signatures that the files had then as far as they are known."""
        seen: dict[str, Entry] = {}
        with suppress(OSError, ValueError, TypeError), open(self._known_file, encoding="ascii") as file:
            seen = unpack_known(file.read())
        known = {}
        for path, entry in old.files.items():
            before = seen.get(path)
            same = before is not None and (before.kind, before.digest) == (entry.kind, entry.digest)
            known[path] = before if before is not None and same else entry
            if entry.kind == FOLDER:
                known[path] = work.A_FOLDER
        return known

    def _drop_old(self) -> None:
        """Forget versions that are too old, or too many for the space that a history may take."""
        versions = self.history.versions()
        keep = wanted(versions, datetime.now(UTC) - timedelta(days=self.settings.days))
        if len(versions) - len(keep) < ENOUGH_TO_DROP:
            keep = versions
        if size_of(self.history.path) > self.settings.most_mb << 20:
            keep = keep[: max(1, len(keep) // 2)]
        if len(keep) < len(versions):
            self._keep_only(keep)

    def _keep_only(self, keep: Sequence[Version]) -> None:
        """Rewrite the history, so that it has only these versions, newest first; git moves the branch at the end."""
        trees = dict(line.split() for line in git(self.history, "log", "--format=%H %T", BRANCH).splitlines())
        kept = [Saved(int(version.time.timestamp()), trees[version.commit]) for version in reversed(keep)]
        self.history.append(BRANCH, kept, SAVED, anew=True)
        git(self.history, "gc", "--quiet", "--prune=now")


def wanted(versions: Sequence[Version], all_since: datetime) -> list[Version]:
    """Return of `versions`, newest first, all since that time, and of each day before it the last one."""
    kept: list[Version] = []
    for version in versions:
        if version.time >= all_since or not kept or kept[-1].time.date() != version.time.date():
            kept.append(version)
    return kept


def size_of(folder: str) -> int:
    """Return the size in bytes of all files below `folder`, which is ours alone."""
    return sum(os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names)


def git(history: History, *words: str) -> str:
    """Run git on `history` and return what it says; raise HistoryError if it fails."""
    done = subprocess.run(
        ["git", *words],
        env=git_environment(history.path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise HistoryError(f"git could not work in {history.path}: {printable(done.stderr.strip())}")
    return done.stdout


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
        return work.text(full[len(self.folder) + 1 :])

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
                return digest_of(iter(lambda: file.read(work.BLOCK), b"")) == entry.digest
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
                if write_new(within, name, entry, content, entry.mode & 0o777) != entry.digest:
                    raise OwnWorkError(f"{printable(places[place])} is damaged in the history. Tell your instructor.")


def _is_in(each: str, path: str) -> bool:
    return each == path or each.startswith(path + "/")


def _place(folder: int, aside: str, name: str, version: Version) -> str:
    """Give what lies `aside` its `name`, or one beside it if that is taken; nothing is ever replaced."""
    stem, dot, ending = name.rpartition(".") if "." in name[1:] else (name, "", "")
    beside = f"{stem}.from-{version.time:%Y-%m-%dT%H-%MZ}"
    free, number = name, 1
    while not _moved(folder, aside, free):
        free = f"{beside}{f'~{number}' if number > 1 else ''}{dot}{ending}"
        number += 1
    return free


def _moved(folder: int, aside: str, name: str) -> bool:
    """Give what lies `aside` its `name`; False if something bears it, be it only since a moment ago."""
    with suppress(FileNotFoundError):
        os.stat(raw(name), dir_fd=folder, follow_symlinks=False)
        return False
    if stat.S_ISDIR(os.stat(aside, dir_fd=folder, follow_symlinks=False).st_mode):
        os.rename(aside, raw(name), src_dir_fd=folder, dst_dir_fd=folder)  # never replaces what has content
        return True
    try:
        os.link(aside, raw(name), src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    return True


def _remove(folder: int, aside: str) -> None:
    """Remove what did not get its place."""
    with suppress(OSError):
        os.unlink(aside, dir_fd=folder)
    with suppress(OSError):
        for _, folders, files, place in os.fwalk(aside, topdown=False, dir_fd=folder):
            for name in files:
                os.unlink(name, dir_fd=place)
            for name in folders:
                os.rmdir(name, dir_fd=place)
        os.rmdir(aside, dir_fd=folder)


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


def main(words: Sequence[str], settings: str = SETTINGS) -> int:
    """Run one of the commands; return what the shell gets."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog=words[0])
    if words[0] == "my-work":
        parser.description = "Say what was saved of your work, or of one file or folder."
        parser.add_argument("file", nargs="?", default="", metavar="FILE")
    elif words[0] == "bring-back":
        parser.description = "Lay an earlier version of a file or folder beside what is there now; nothing is replaced."
        parser.add_argument("file", metavar="FILE")
        help_ = "a number that `my-work FILE` lists, or a time like 14:30, yesterday or 2026-03-02"
        parser.add_argument("when", nargs="?", default="", metavar="WHEN", help=help_)
    given = parser.parse_args(words[1:])
    try:
        decided, username = Settings.read(settings), pwd.getpwuid(os.getuid()).pw_name
        if words[0] == "save":
            Saving(decided, username).save()
            return 0
        own = OwnWork(decided, username, os.getcwd())
        print(
            own.listing(given.file)
            if words[0] == "my-work"
            else f"It is here: {own.bring_back(given.file, given.when)}"
        )
    except (OwnWorkError, HistoryError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{printable(str(error.filename))}: {error.strerror}. Tell your instructor.", file=sys.stderr)
        return 1
    return 0


def program() -> bytes:
    """Return this module, with those that it needs, as one file that Python runs: the same bytes every time."""
    packed = io.BytesIO()
    package = __name__.rpartition(".")[0]
    with zipfile.ZipFile(packed, "w") as archive:

        def add(name: str, text: str) -> None:
            archive.writestr(zipfile.ZipInfo(name), text)

        folders = package.split(".")
        for level in range(1, len(folders) + 1):
            add("/".join([*folders[:level], "__init__.py"]), "")
        for module in (records, work, work_history, sys.modules[__name__]):
            add(module.__name__.replace(".", "/") + ".py", source_of(module.__name__))
        add("__main__.py", f"import sys\nfrom {__name__} import main\nsys.exit(main(sys.argv[1:]))\n")
    return packed.getvalue()


def source_of(name: str) -> str:
    """Return the text of a module, wherever Python loaded it from."""
    loader = getattr(sys.modules[name].__spec__, "loader", None)
    source = loader.get_source(name) if loader is not None else None
    if not isinstance(source, str):
        raise OwnWorkError(f"the text of {name} cannot be found")
    return source
