"""Every collect of one student's work, kept in a bare git repository on the control node.

git keeps, packs, checks and pushes; it never reads the work as a project of its own. Nothing is "added" or checked
out: contents go in by `git fast-import` and come out by `git cat-file`, so no filter, attribute or ignore file of the
student's touches a byte. A commit holds

    index.json              what each path was: kind, size, time, mode, SHA-256; git itself knows neither empty folders
                            nor modes, and forbids some names
    work/PATH               the contents, with names written so that git takes any (`encoded`)
    delivered/record.json   which templates the student was given, as the machine recorded it, and
    delivered/objects/…     their bytes: what an update is merged against

Beside the collects, on a branch of its own, is what machines saved themselves between two collects. Machines may forget
or write anew what they have; here it is only ever added. Its contents are of the student's making, checked to be whole
and no more: whoever reads them trusts nothing in them.

The repository bears whose it is (class and e-mail address): a username may come back, another term, as somebody else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple, NoReturn

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import BLOCK
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, NoRoomError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import (
    BRANCH,
    CONFIG,
    git_environment,
    pipe,
    write_commit,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import (
    KNOWN_SAVED,
    MOST_SAVED,
    KnownSaved,
    Saved,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

AUTOSAVES = "refs/heads/autosaved"
COLLECTED, FOUND, AUTOSAVED = "Collected", "Found at home", "Autosaved"
"""How a commit came about: brought from a machine, met in the folder at home, where somebody had edited it, or saved by
a machine itself and brought later."""
LARGEST_INDEX = 256 << 20
"""Bytes of an index that a machine saved: above that of a million files. It is read into memory."""
_CHECK_S = 600


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
    """The bare repository at `path`."""

    def __init__(self, path: str, *, lock: int | None = None) -> None:
        """Nothing is made yet. `lock` is an open file whose lock lasts as long as the last git that we started."""
        self.path = path
        self._lock = () if lock is None else (lock,)

    def owner(self) -> Owner | None:
        """Return whose work this is; None if there is no history."""
        if not os.path.isdir(self.path):
            return None
        values = records.read(os.path.join(self.path, "owner.json"))
        return Owner(str(values.get("class", "")), str(values.get("email", "")))

    def own(self, owner: Owner) -> None:
        """Write down whose work this is, whose address has changed."""
        records.write(os.path.join(self.path, "owner.json"), {"class": owner.class_name, "email": owner.email})

    def make(self, owner: Owner) -> None:
        """Make the repository, whole or not at all; HistoryError if somebody else made it meanwhile."""
        folder = os.path.dirname(self.path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        new = os.path.join(folder, f".new-{os.path.basename(self.path)}")
        shutil.rmtree(new, ignore_errors=True)  # left by a killed run
        try:
            os.mkdir(new, 0o700)
            self._git("init", "--bare", "--quiet", "--template=", "--initial-branch=main", at=new)
            records.write_bytes(f"{new}/config", CONFIG.encode())
            History(new).own(owner)
            os.rename(new, self.path)
        except OSError as error:
            raise HistoryError(f"{self.path}: {error.strerror}. Run again.") from error
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what a killed run left. Only under the lock: nobody else is writing then."""
        for folder in ("", "refs/heads", "objects/pack"):
            place = os.path.join(self.path, folder)
            with suppress(FileNotFoundError, NotADirectoryError):
                for name in os.listdir(place):
                    if name.endswith(".lock") or name.startswith(("tmp_", ".tmp-", "fast_import_crash_")):
                        os.unlink(os.path.join(place, name))

    def head(self, branch: str = BRANCH) -> str:
        """Return the newest commit, "" if there is none."""
        done = self._run("rev-parse", "--verify", "--quiet", branch)
        return done.stdout.decode().strip()

    def state(self, commit: str = BRANCH) -> State:
        """Return what `commit` holds; an empty state if there is no commit yet."""
        done = self._run("cat-file", "blob", f"{commit}:index.json")
        if done.returncode != 0:
            if commit == BRANCH and not self.head():
                return State()
            self._fail(done.stderr)
        try:
            return State.unpacked(done.stdout)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise HistoryError(f"{self.path}: {commit}:index.json cannot be read") from None

    def versions(self, branch: str = BRANCH) -> list[Version]:
        """Return all commits, newest first: of the collects, or of another branch."""
        if not os.path.isdir(self.path) or not self.head(branch):
            return []
        versions = []
        for line in self._git("log", "--topo-order", "--format=%H %ct %s", branch).decode().splitlines():
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
        stream = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--done", "--date-format=raw"],
            env=git_environment(self.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=self._lock,
        )
        into, said = pipe(stream.stdin), pipe(stream.stderr)
        try:
            with suppress(BrokenPipeError):  # git's own words, below, say why it ended
                write_commit(into, head, new, old, content, delivered, kind)
                into.close()
        except BaseException:
            stream.kill()
            stream.wait()
            self.tidy()
            raise
        words = said.read()
        with suppress(BrokenPipeError):
            into.close()
        if stream.wait() != 0:
            self.tidy()
            self._fail(words)
        return self.head()

    def known_saved(self) -> KnownSaved:
        """Return what a machine has to know, to send what it saved since."""
        if not os.path.isdir(self.path):
            return KnownSaved([], None)
        saved = self._saved(f"--max-count={KNOWN_SAVED}")
        collected = self._run("log", "--max-count=1", "--format=%ct", BRANCH).stdout
        if not collected or (saved and int(collected) < max(saved).seconds):
            return KnownSaved(saved, None)
        work = self._run("rev-parse", "--verify", "--quiet", f"{BRANCH}:work").stdout.decode().strip()
        return KnownSaved(saved, Saved(int(collected), work) if work else None)

    def _saved(self, *words: str) -> list[Saved]:
        """Return the versions that machines saved, as they came, newest first; none if there is no such branch."""
        lines = self._run("log", "--topo-order", "--format=%ct %T", *words, AUTOSAVES).stdout.decode().splitlines()
        return [Saved(int(seconds), tree) for seconds, tree in map(str.split, lines)]

    def keep_autosaved(self, sent: Sequence[Saved], pack: str, aside: str) -> int:
        """Append what a machine `sent`, newest first, with its objects in `pack`; return how many versions are new.

        `aside` is a folder to be made, on the same disk: what arrived comes into the history when it is known to be
        sound and whole. Raise HistoryError if it is not.
        """
        for saved in sent:
            saved.check()
        if len(sent) > MOST_SAVED:
            raise HistoryError(f"there are more than {MOST_SAVED} versions")
        here = set(self._saved())
        new = [saved for saved in dict.fromkeys(reversed(sent)) if saved not in here]
        if new:
            self._admit(new, pack, aside)
            self.append(AUTOSAVES, new, AUTOSAVED)
            self.pack()
        return len(new)

    def _admit(self, new: Sequence[Saved], pack: str, aside: str) -> None:
        """Take the objects in `pack` into the repository, if they are sound and nothing of `new` is missing."""
        os.makedirs(os.path.join(aside, "info"))
        with open(os.path.join(aside, "info", "alternates"), "w", encoding="utf-8") as beside:
            beside.write(os.path.join(os.path.abspath(self.path), "objects") + "\n")

        def checked(*words: str, given: bytes | IO[bytes]) -> bytes:
            # What the student made may claim any size: git asks for no more memory at once than an honest one needs.
            bounds = {"GIT_OBJECT_DIRECTORY": aside, "GIT_ALLOC_LIMIT": f"{LARGEST_INDEX}"}
            try:
                done = self._run(*words, given=given, more=bounds, timeout=_CHECK_S)
            except subprocess.TimeoutExpired:
                raise HistoryError("git takes too long to check it") from None
            if done.returncode != 0:
                self._fail(done.stderr)
            return done.stdout

        with open(pack, "rb") as objects:
            checked("index-pack", "--stdin", "--strict", "--threads=1", given=objects)
        trees = list(dict.fromkeys(saved.tree for saved in new))
        asked = "".join(f"{tree}\n{tree}:index.json\n" for tree in trees).encode()
        answers = checked("cat-file", "--batch-check=%(objecttype) %(objectsize)", given=asked).decode().splitlines()
        for tree, index in zip(answers[::2], answers[1::2], strict=True):
            kind, _, size = index.partition(" ")
            if not tree.startswith("tree ") or kind != "blob" or int(size) > LARGEST_INDEX:
                raise HistoryError("a version has no index")
        checked("rev-list", "--objects", "--quiet", "--stdin", "--not", "--all", given="\n".join(trees).encode())
        arrived = os.path.join(aside, "pack")
        for name in sorted(os.listdir(arrived), key=lambda name: name.endswith(".idx")):  # the index makes it count
            os.rename(os.path.join(arrived, name), os.path.join(self.path, "objects", "pack", name))

    def append(self, branch: str, versions: Sequence[Saved], kind: str, *, anew: bool = False) -> None:
        """Append commits of trees that are here to `branch`, or write it `anew`; git moves the branch at the end."""
        head = "" if anew else self.head(branch)
        stream = [f"reset {branch}\nfrom {'0' * 40}\n\n"] if anew else []
        for number, saved in enumerate(versions):
            stream.append(f"commit {branch}\ncommitter machine_learning_aws <> {saved.seconds} +0000\n")
            stream.append(f"data {len(kind)}\n{kind}\n")
            stream.append(f"from {head}\n" if head and number == 0 else "")
            stream.append(f'M 040000 {saved.tree} ""\n\n')
        stream.append("done\n")
        words = ("fast-import", "--quiet", "--done", "--date-format=raw", *(["--force"] if anew else []))
        done = self._run(*words, given="".join(stream).encode())
        if done.returncode != 0:
            self.tidy()
            self._fail(done.stderr)

    def pack(self) -> None:
        """Let git pack what has become much. It matters to speed only, so a full disk is no reason to fail."""
        self._run("gc", "--auto", "--quiet")

    def contents(self, commit: str, names: list[str]) -> Iterator[Iterator[bytes]]:
        """Give the content of each of `names` (paths in the commit) in pieces, to be read in this order."""
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],
            env=git_environment(self.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=self._lock,
        ) as batch:
            into = pipe(batch.stdin)
            for name in names:
                into.write(f"{commit}:{name}\n".encode())
                into.flush()
                yield self._content(pipe(batch.stdout), name)
            into.close()

    def _content(self, answer: IO[bytes], name: str) -> Iterator[bytes]:
        words = answer.readline().split()
        if len(words) != 3:
            raise HistoryError(f"{self.path} lacks {printable(name)}. Look at it with: git -C {self.path} fsck")
        left = int(words[2])
        while left > 0 and (block := answer.read(min(BLOCK, left))):
            left -= len(block)
            yield block
        answer.read(1)

    def check(self) -> str:
        """Return what git finds wrong in all that was ever kept; "" if it is sound."""
        if self.owner() is None:
            return ""
        done = self._run("fsck", "--full", "--strict", "--no-dangling", "--no-progress")
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if not line.startswith("notice:")]
        return "" if done.returncode == 0 and not said else "\n".join(said) or done.stdout.decode(errors="replace")

    def _git(self, *words: str, at: str = "") -> bytes:
        done = self._run(*words, at=at)
        if done.returncode != 0:
            self._fail(done.stderr)
        return done.stdout

    def _run(
        self,
        *words: str,
        at: str = "",
        given: bytes | IO[bytes] = b"",
        more: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        source: dict[str, Any] = {"input": given} if isinstance(given, bytes) else {"stdin": given}
        try:
            return subprocess.run(
                ["git", *words],
                env=git_environment(at or self.path) | dict(more or {}),
                capture_output=True,
                check=False,
                pass_fds=self._lock,
                timeout=timeout,
                **source,
            )
        except FileNotFoundError:
            raise HistoryError("git is not installed on this control node. Install it, then run again.") from None

    def _fail(self, said: bytes) -> NoReturn:
        words = " ".join(printable(line) for line in said.decode(errors="replace").splitlines()[:2])
        if "No space left" in words or "Disk quota" in words:
            raise NoRoomError(words)
        raise HistoryError(f"git could not work in {self.path}: {words or 'it was ended'}. Run again.")


def moment(words: str) -> datetime:
    """Return the end of the time that an instructor wrote: a day, a minute or a second, local unless it says a zone.

    Raise HistoryError if it is none.
    """
    try:
        time = datetime.fromisoformat(words.strip())
    except ValueError:
        raise HistoryError(
            f"{printable(words)!r} is no date. Write it like 2026-03-02 or 2026-03-02T14:30, in quotes if with a space."
        ) from None
    if len(words.strip()) <= len("2026-03-02"):
        lasts = timedelta(days=1)
    else:
        lasts = timedelta(seconds=1 if time.second else 60)
    return time.astimezone() + lasts - timedelta(microseconds=1)


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
