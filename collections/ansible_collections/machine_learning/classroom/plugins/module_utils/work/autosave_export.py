"""The machine's side of bringing home what it saved itself of a student's folder (`autosave` keeps that history).

The history is the student's, who may have put anything in its place, settings that start programs included. So root
reads nothing of it: git runs as the student, without our environment, terminal and open files, within bounds of time
and size. What it says is a claim, and home checks it (`autosave_import`).

A version is known by its time and its tree. Its commit is no name for it: `autosave` makes all of them anew when it
drops old ones. Standard library only: machines run this with their own Python.
"""

from __future__ import annotations

import os
import pwd
import re
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import BLOCK
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH, git_environment
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import SPARE_BYTES
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import (
    MOST_SAVED,
    KnownSaved,
    Saved,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LISTING_S, PACKING_S = 30, 300
"""How long git may take to list the versions, and to pack them."""
LISTING_BYTES = 200 * MOST_SAVED
TRIES = 2
"""The history may be written anew between the list and the pack, and then the pack cannot be made."""

_LISTED = re.compile(rb"commit [0-9a-f]{40,64}\n([0-9]{1,12}) ([0-9a-f]{40,64})\n")
_SMALL = ("-c", "pack.threads=1", "-c", "pack.windowMemory=64m", "-c", "core.bigFileThreshold=16m")
_PACK = ("pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset", "--no-use-bitmap-index")


class AutosavedError(Exception):
    """Why what the machine saved does not come home, in words for the instructor."""


class Autosaved:
    """What the machine saved for the account `username`, below `store`."""

    def __init__(self, store: str, username: str) -> None:
        """Nothing is read yet."""
        self.path = os.path.join(store, username, "history.git")
        self._username = username

    def send(self, known: KnownSaved, make_pack: Callable[[], str] | None, most_bytes: int) -> tuple[list[Saved], str]:
        """Return what home does not have, newest first, and the pack with it ("" without `make_pack`: check mode).

        `make_pack` is called if there is something, and returns where the pack goes. Raise AutosavedError.
        """
        if not os.path.lexists(self.path):
            return [], ""
        for _ in range(TRIES):
            listed = self._listed()
            new = self._new(listed, known)
            if not new or make_pack is None:
                return new, ""
            there, path = {saved.tree for saved in listed if saved in known.saved}, make_pack()
            try:
                with open(path, "wb") as out:
                    self._pack(new, there, known.collected, out, most_bytes)
            except AutosavedError:
                os.unlink(path)
                if self._listed() == listed:
                    raise
            else:
                return new, path
        raise AutosavedError("it changes all the time")

    def _listed(self) -> list[Saved]:
        """Return all versions, newest first."""
        # As a pattern, since there may be no version yet.
        branch = BRANCH.replace("main", "[m]ain")
        said = self._ask("rev-list", f"--max-count={MOST_SAVED}", "--format=%ct %T", f"--glob={branch}")
        found = [Saved(int(match[1]), match[2].decode()) for match in _LISTED.finditer(said)]
        if len(_LISTED.sub(b"", said)):
            raise AutosavedError("git's list of it cannot be read")
        return found

    def _new(self, listed: list[Saved], known: KnownSaved) -> list[Saved]:
        """Return of `listed` what came after the newest that home has.

        One version alone, saved after the newest collect and with the same work, says nothing new.
        """
        there = set(known.saved)
        new = listed[: next((at for at, saved in enumerate(listed) if saved in there), len(listed))]
        if len(new) == 1 and known.collected and new[0].seconds > known.collected.seconds:
            return [] if self._object(f"{new[0].tree}:work") == known.collected.tree else new
        return new

    def _object(self, name: str) -> str:
        """Return the object of this name, "" if there is none."""
        found = self._ask("cat-file", "--batch-check=%(objectname)", given=name).decode(errors="replace").split()
        return found[0] if len(found) == 1 else ""

    def _pack(self, new: list[Saved], but: set[str], work: Saved | None, out: IO[bytes], most_bytes: int) -> None:
        """Write what is in `new` to `out`, without what is in the trees `but` and in `work`, if that is here at all.

        Trees alone travel: the commits are made at home.
        """
        if work and self._object(work.tree) == work.tree:
            but.add(work.tree)
        trees = [*dict.fromkeys(saved.tree for saved in new), *(f"^{tree}" for tree in sorted(but))]
        self._run((*_SMALL, *_PACK), "\n".join(trees), out, most_bytes, PACKING_S)

    def _ask(self, *arguments: str, given: str = "") -> bytes:
        out = BytesIO()
        self._run(arguments, given, out, LISTING_BYTES, LISTING_S)
        return out.getvalue()

    def _run(self, arguments: tuple[str, ...], given: str, out: IO[bytes], most_bytes: int, most_s: float) -> None:
        """Run git as the student and write to `out` what it says; raise AutosavedError if it fails or has no end."""
        until = time.monotonic() + most_s
        ours = git_environment(self.path).items()
        with tempfile.TemporaryFile() as asked:
            asked.write(given.encode() + b"\n")
            asked.seek(0)
            process = subprocess.Popen(
                ["nice", "-n", "19", "git", *arguments],
                cwd="/",
                env={name: value for name, value in ours if name in ("PATH", "LC_ALL") or name.startswith("GIT_")},
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # our terminal is none of theirs; and all that it starts can be ended
                **self._as_student(),
            )
        with process:
            try:
                said = _copied(process, out, most_bytes, until)
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
        if process.returncode != 0 or (said and not out.tell()):
            lines = said.decode(errors="replace").splitlines()[-1:]
            raise AutosavedError(f"git cannot read it: {printable(' '.join(lines)) or 'it was ended'}")

    def _as_student(self) -> dict[str, Any]:
        """Return what makes a program the student's."""
        try:
            account = pwd.getpwnam(self._username)
        except KeyError:
            raise AutosavedError("there is no account of this name") from None
        if account.pw_uid == os.geteuid() != 0:
            return {}
        if account.pw_uid == 0:
            raise AutosavedError("the account is root's")
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _copied(process: subprocess.Popen[bytes], out: IO[bytes], most_bytes: int, until: float) -> bytes:
    """Write to `out` what a program says, wait for its end, and return the beginning of its complaints."""
    if process.stdout is None or process.stderr is None:
        raise AutosavedError("git was started without a pipe")
    length = 0
    while True:
        if not select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
            raise AutosavedError("git takes too long")
        block = os.read(process.stdout.fileno(), BLOCK)
        if not block:
            break
        length += len(block)
        if length > most_bytes:
            raise AutosavedError(f"it is larger than {most_bytes >> 20} MB")
        _write(out, block)
    try:
        process.wait(max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise AutosavedError("git takes too long") from None
    os.set_blocking(process.stderr.fileno(), False)
    return process.stderr.read(1000) or b""


def _write(out: IO[bytes], block: bytes) -> None:
    """Write to memory, or to a disk that keeps room for the students' own saving."""
    if not isinstance(out, BytesIO):
        disk = os.fstatvfs(out.fileno())
        if disk.f_bavail * disk.f_frsize < SPARE_BYTES:
            raise AutosavedError("the machine's disk is nearly full")
    try:
        out.write(block)
    except OSError as error:
        raise AutosavedError(f"the machine's disk does not take it: {error.strerror}") from error
