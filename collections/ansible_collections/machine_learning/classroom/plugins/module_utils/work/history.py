"""Every collect of one student's work, kept in a bare git repository on the control node.

git keeps, packs, checks and pushes; it never reads the work as a project of its own. Nothing is "added" or checked
out: contents go in by `git fast-import` (`commit_stream`) and come out by `git cat-file` (`git_store`). A commit holds

    index.json              what each path was: kind, size, time, mode, SHA-256; git itself knows neither empty folders
                            nor modes, and forbids some names
    work/PATH               the contents, with names written so that git takes any (`version_index.encoded`)
    delivered/record.json   which templates the student was given, as the machine recorded it, and
    delivered/objects/…     their bytes: what an update is merged against

Beside the collects, on a branch of its own, is what machines saved themselves between two collects (`autosave_import`).
A machine keeps the same kind of history of a student's folder, of its own saves (`autosave`).

The repository bears whose it is (class and e-mail address): a username may come back, another term, as somebody else.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.commit_stream import (
    write_commit,
    write_trees,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH, GitStore
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved

AUTOSAVES = "refs/heads/autosaved"
"""The branch at home of what machines saved themselves."""
COLLECTED, FOUND, AUTOSAVED = "Collected", "Found at home", "Autosaved"
"""How a commit came about: brought from a machine, met in the folder at home, where somebody had edited it, or saved by
a machine itself and brought later."""


class Owner(NamedTuple):
    """Who a student is: an address in a class."""

    class_name: str
    email: str

    def __str__(self) -> str:
        """Say it as a person would."""
        return f"{self.email or 'somebody without an address'} (class {self.class_name})"


class Version(NamedTuple):
    """One commit."""

    commit: str
    time: datetime
    kind: str

    @property
    def name(self) -> str:
        """A name for a folder that holds this version."""
        return f"restored-{self.time:%Y-%m-%dT%H-%M-%SZ}"


class History:
    """The history in the bare repository at `path`, on which `git` runs git."""

    def __init__(self, path: str, *, lock: int | None = None) -> None:
        """Nothing is made yet. `lock` is an open file whose lock lasts as long as the last git that we started."""
        self.path = path
        self.git = GitStore(path, lock=lock)
        self._lock = lock

    def owner(self) -> Owner | None:
        """Return whose work this is; None if there is no history."""
        if not os.path.isdir(self.path):
            return None
        values = records.read_json(os.path.join(self.path, "owner.json"))
        return Owner(str(values.get("class", "")), str(values.get("email", "")))

    def own(self, owner: Owner) -> None:
        """Write down whose work this is, whose address has changed."""
        records.write_json(os.path.join(self.path, "owner.json"), {"class": owner.class_name, "email": owner.email})

    def make(self, owner: Owner) -> None:
        """Make the repository, whole or not at all; HistoryError if somebody else made it meanwhile."""
        folder = os.path.dirname(self.path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        new = History(os.path.join(folder, f".new-{os.path.basename(self.path)}"), lock=self._lock)
        shutil.rmtree(new.path, ignore_errors=True)  # left by a killed run
        try:
            os.mkdir(new.path, 0o700)
            new.git.make()
            new.own(owner)
            os.rename(new.path, self.path)
        except OSError as error:
            raise HistoryError(f"{self.path}: {error.strerror}. Run again.") from error
        finally:
            shutil.rmtree(new.path, ignore_errors=True)

    def head(self, branch: str = BRANCH) -> str:
        """Return the newest commit, "" if there is none."""
        return self.git.run("rev-parse", "--verify", "--quiet", branch).stdout.decode().strip()

    def state(self, commit: str = BRANCH) -> State:
        """Return what `commit` holds; an empty state if there is no commit yet."""
        done = self.git.run("cat-file", "blob", f"{commit}:index.json")
        if done.returncode != 0:
            if commit == BRANCH and not self.head():
                return State()
            raise self.git.failure(done.stderr)
        try:
            return State.unpacked(done.stdout)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise HistoryError(f"{self.path}: {commit}:index.json cannot be read") from None

    def versions(self, branch: str = BRANCH) -> list[Version]:
        """Return all commits, newest first: of the collects, or of another branch."""
        if not os.path.isdir(self.path) or not self.head(branch):
            return []
        versions = []
        for line in self.git.ask("log", "--topo-order", "--format=%H %ct %s", branch).decode().splitlines():
            commit, seconds, kind = line.split(" ", 2)
            versions.append(Version(commit, datetime.fromtimestamp(int(seconds), UTC), kind))
        return versions

    def commit(
        self,
        new: State,
        old: State,
        content: Callable[[str], BinaryIO],
        delivered: Mapping[str, bytes],
        kind: str,
    ) -> str:
        """Append `new`, which follows `old`, the newest; return the commit.

        `content` opens the file of a path that `old` does not hold; `delivered` are the bytes of templates that `old`
        does not hold. Nothing counts until the last step, in which git moves the branch.
        """
        head = self.head()
        self.git.fast_import(lambda out: write_commit(out, head, new, old, content, delivered, kind))
        return self.head()

    def append(self, branch: str, versions: Sequence[Saved], kind: str, *, anew: bool = False) -> None:
        """Append commits of trees that are here to `branch`, or write it `anew`; git moves the branch at the end."""
        head = "" if anew else self.head(branch)
        options = ["--force"] if anew else []
        self.git.fast_import(lambda out: write_trees(out, branch, head, versions, kind, anew=anew), *options)


def moment(text: str) -> datetime:
    """Return the end of the time that an instructor wrote: a day, a minute or a second, local unless it says a zone.

    Raise HistoryError if it is none.
    """
    try:
        time = datetime.fromisoformat(text.strip())
        day = len(text.strip()) <= len("2026-03-02")
        lasts = timedelta(days=1) if day else timedelta(seconds=1 if time.second else 60)
        return time.astimezone() + lasts - timedelta(microseconds=1)
    except (OverflowError, ValueError):  # the first also where it leaves the years that Python counts
        raise HistoryError(
            f"{printable(text)!r} is no date. Write it like 2026-03-02 or 2026-03-02T14:30, in quotes if with a space."
        ) from None


def choose(versions: list[Version], at: str) -> Version:
    """Return the newest version of `at` or before (a time, or the beginning of a commit); "" is the newest collected.

    Raise HistoryError if there is none.
    """
    if re.fullmatch(r"[0-9a-f]{7,64}", at) and (named := [v for v in versions if v.commit.startswith(at)]):
        return named[0]
    collected = [version for version in versions if version.kind == COLLECTED]
    if not at and collected:
        return collected[0]
    offered = sorted((v for v in versions if v.kind in (COLLECTED, AUTOSAVED)), key=lambda v: v.time, reverse=True)
    if not at or not offered:
        raise HistoryError("nothing was ever collected")
    until = moment(at)
    for version in offered:
        if version.time <= until:
            return version
    first, word = offered[-1].time.astimezone(), "collect" if offered[-1].kind == COLLECTED else "save"
    raise HistoryError(f"the first {word} was at {first:%Y-%m-%d %H:%M:%S}, after {at}")
