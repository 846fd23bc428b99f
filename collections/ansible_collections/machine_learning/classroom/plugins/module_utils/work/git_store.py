"""A bare git repository as a store of bytes: how git is run on it, and how contents come out of it again.

git knows this repository and nobody's settings, neither the instructor's nor the student's. What it says when it fails
becomes a HistoryError, for a person to read.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import BLOCK
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, NoRoomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BRANCH = "refs/heads/main"
"""The branch of the repository itself: what was collected at home, what was saved on a machine."""

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = false
\t# What is written is on the disk before the branch points to it.
\tfsync = all
\t# Larger files are neither compared nor held in memory.
\tbigFileThreshold = 16m
[fastimport]
\tunpackLimit = 1
[gc]
\tautoDetach = false
"""


class GitStore:
    """The bare repository at `path`, which need not be there yet."""

    def __init__(self, path: str, *, lock: int | None = None) -> None:
        """Nothing is made yet. `lock` is an open file whose lock lasts as long as the last git that we started."""
        self.path = path
        self._lock = () if lock is None else (lock,)

    def make(self) -> None:
        """Make the repository in the empty folder that is at `path`."""
        self.ask("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
        records.write_bytes(f"{self.path}/config", _CONFIG.encode())

    def tidy(self) -> None:
        """Remove what a killed run left. Only under the lock: nobody else is writing then."""
        for folder in ("", "refs/heads", "objects/pack"):
            path = os.path.join(self.path, folder)
            with suppress(FileNotFoundError, NotADirectoryError):
                for name in os.listdir(path):
                    if name.endswith(".lock") or name.startswith(("tmp_", ".tmp-", "fast_import_crash_")):
                        os.unlink(os.path.join(path, name))

    def ask(self, *arguments: str) -> bytes:
        """Run git and return what it says; raise HistoryError if it fails."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise self.failure(done.stderr)
        return done.stdout

    def run(
        self,
        *arguments: str,
        given: bytes | IO[bytes] = b"",
        settings: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git and return how it ended, whatever that is; `given` is its input, `settings` more of its environment.

        Raise HistoryError if there is no git, subprocess.TimeoutExpired if it takes more than `timeout` seconds.
        """
        source: dict[str, Any] = {"input": given} if isinstance(given, bytes) else {"stdin": given}
        try:
            return subprocess.run(
                ["git", *arguments],
                env=git_environment(self.path) | dict(settings or {}),
                capture_output=True,
                check=False,
                pass_fds=self._lock,
                timeout=timeout,
                **source,
            )
        except FileNotFoundError:
            raise HistoryError("git is not installed on this control node. Install it, then run again.") from None

    def failure(self, said: bytes) -> HistoryError:
        """Return what to raise after git failed and `said` this."""
        message = " ".join(printable(line) for line in said.decode(errors="replace").splitlines()[:2])
        if "No space left" in message or "Disk quota" in message:
            return NoRoomError(message)
        return HistoryError(f"git could not work in {self.path}: {message or 'it was ended'}. Run again.")

    def fast_import(self, write: Callable[[IO[bytes]], object], *options: str) -> None:
        """Let git take commits that `write` writes in the format of git-fast-import(1), `done` included.

        Nothing counts until the last step, in which git moves the branch.
        """
        importer = subprocess.Popen(
            ["git", "fast-import", "--quiet", "--done", "--date-format=raw", *options],
            env=git_environment(self.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=self._lock,
        )
        into, said = _pipe(importer.stdin), _pipe(importer.stderr)
        try:
            with suppress(BrokenPipeError):  # git's own words, below, say why it ended
                write(into)
                into.close()
        except BaseException:
            importer.kill()
            importer.wait()
            self.tidy()
            raise
        message = said.read()
        with suppress(BrokenPipeError):
            into.close()
        if importer.wait() != 0:
            self.tidy()
            raise self.failure(message)

    def contents(self, commit: str, names: Sequence[str]) -> Iterator[Iterator[bytes]]:
        """Give the content of each of `names` (paths in the commit) in pieces, to be read in this order."""
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],
            env=git_environment(self.path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=self._lock,
        ) as batch:
            into = _pipe(batch.stdin)
            for name in names:
                into.write(f"{commit}:{name}\n".encode())
                into.flush()
                yield self._content(_pipe(batch.stdout), name)
            into.close()

    def _content(self, answer: IO[bytes], name: str) -> Iterator[bytes]:
        header = answer.readline().split()
        if len(header) != 3:
            raise HistoryError(f"{self.path} lacks {printable(name)}. Look at it with: git -C {self.path} fsck")
        left = int(header[2])
        while left > 0 and (block := answer.read(min(BLOCK, left))):
            left -= len(block)
            yield block
        answer.read(1)

    def pack(self) -> None:
        """Let git pack what has become much. It matters to speed only, so a full disk is no reason to fail."""
        self.run("gc", "--auto", "--quiet")


def git_environment(repository: str) -> dict[str, str]:
    """Return an environment in which git knows this repository and nobody's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_DIR": repository,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise HistoryError("git was started without a pipe.")
    return pipe
