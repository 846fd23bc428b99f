"""One student's folder, as the student: what lies where a template belongs, and what is done about it.

All of this runs in a process that is the student (`student_process`), so it can do no more than the student can. Still
it follows no link, waits for no pipe, and replaces a file only by a swap after which the file that went away is looked
at again: it must be the very one that was compared.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import posixpath
import re
import secrets
import stat
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import composed, raw, text
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    NO_FOLDER,
    blocks,
    exchange,
    move_new,
    open_file,
    open_folder,
    write_new,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge import is_renamed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

# What a student has is compared and merged up to this size.
COMPARED = 64 << 20
# A file that was not written for so many seconds is not being saved just now.
QUIET_S = 2.0
# Endings of notebooks that Jupytext keeps as text, and how many bytes at the beginning name it.
TEXT_NOTEBOOKS = ("py", "md", "Rmd", "qmd", "R", "jl")
TEXT_HEAD = 4096
# A notebook that is not hidden, nor a new edition that we laid beside.
OWN_NOTEBOOK = re.compile(r"(?!\.)(?!.*\.new-[0-9a-f]{8}\.ipynb$).*\.ipynb", re.DOTALL)
# How often we look again at a file that is being written.
LOOKS = 3


@dataclass(frozen=True)
class Edition:
    """A template, as it is to reach one student."""

    path: str
    sha256: str = ""
    """Of the template; empty if it is no longer among the templates."""
    content: bytes = b""
    given: str = ""
    """The sha256 of what the student was given last under this path; empty if nothing was."""
    base: bytes | None = None
    """The bytes of that; of `was`, if nothing was given; None if they are not known."""
    was: str = ""
    """The path of the template that was renamed to this one, and is still in the student's folder."""
    again: bool = False
    """Give it even if the student deleted it."""


VERDICTS = frozenset(
    [
        "given",
        "same",
        "updated",
        "merged",
        "carried",
        "aside",
        "blocked",
        "busy",
        "deleted",
        "renamed",
        "orphan",
        "gone",
    ]
)


@dataclass(frozen=True)
class Verdict:
    """What became of an edition."""

    what: str
    """given, same, updated, merged, carried (a renamed template, with the student's edits), aside (the new edition lies
    beside), blocked (not even that), busy (being written all the time), deleted or renamed (by the student), orphan
    (edited, and no longer a template) or gone (no longer a template, and nothing of the student's own)."""
    why: str = ""
    aside: str = ""
    """The path of the new edition that lies beside the student's file, or of the student's file of another name."""
    notes: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    """The student's file before and after, as text, where only the merge knows."""


@dataclass(frozen=True)
class Found:
    """What lies at a name; without digest it is nothing that could be compared, for the reason `problem`."""

    digest: str = ""
    content: bytes = b""
    mode: int = 0o644
    written: float = 0.0
    problem: str = ""


class StudentFiles:
    """The files in one student's folder, to which editions are applied."""

    def __init__(
        self,
        root: int,
        merger: Callable[[bytes, bytes, bytes], dict[str, Any]],
        *,
        dry: bool,
        course: Mapping[str, Collection[str]],
    ) -> None:
        """Work in the open folder `root`, which stays the caller's; `dry` for check mode.

        `merger` answers for base, student's file and template as `merge.answer` does; `course` is the sha256 of what
        the student was given, and of the template, by path.
        """
        self._root = root
        self._merger = merger
        self._dry = dry
        self._course = course

    def apply(self, edition: Edition) -> Verdict:
        """Bring `edition` to the student and say what became of it; OSError if the folder cannot be written."""
        wanted = bool(edition.sha256) and (edition.again or not edition.given)
        with ExitStack() as opened:
            try:
                folder = opened.enter_context(self._folder_of(edition.path, make=wanted and not self._dry))
            except FileNotFoundError:
                if not edition.sha256:
                    return Verdict("gone")
                return Verdict("given" if wanted else "deleted")  # check mode; or the student deleted the whole folder
            if folder is None:
                return Verdict("blocked" if edition.sha256 else "gone")
            try:
                return self._apply_in(folder, spelled(folder, posixpath.basename(edition.path)), edition)
            except PermissionError:
                return Verdict("blocked")

    @contextmanager
    def _folder_of(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """Open the folder of `path`, made if it is missing and `make`; FileNotFoundError if it is missing still.

        It is None if the student has put something else there, or has closed it to everybody.
        """
        with ExitStack() as opened:
            folder = None
            try:
                below = open_folder(self._root, posixpath.dirname(path), make=make, mode=0o755)
                folder = opened.enter_context(below)
            except OSError as error:
                if error.errno not in (*NO_FOLDER, errno.EACCES):
                    raise
            yield folder

    def _apply_in(self, folder: int, name: str, edition: Edition) -> Verdict:
        for _ in range(LOOKS):
            verdict = self._attempt(folder, name, edition)
            if verdict is not None:
                break
        else:
            verdict = Verdict("busy")
        if not self._dry:
            sweep(folder, name, {edition.sha256, edition.given})
        return verdict

    def _attempt(self, folder: int, name: str, edition: Edition) -> Verdict | None:
        """Do what is to be done, or return None if the student was faster."""
        found = look(folder, name)
        if not edition.sha256:
            edited = found and found.digest != edition.given and not is_same_text(found.content, edition.base)
            return Verdict("orphan" if edited else "gone")
        if found is None:
            if edition.given and not edition.again:
                return self._look_for_renamed(folder, edition)
            return self._give(folder, name, edition)
        if found.digest == edition.sha256:
            return Verdict("same")
        if edition.given and found.digest == edition.given:
            if (pair := self._paired(name, found.content, edition)) and edition.content != edition.base:
                return self._set_aside(folder, name, edition, pair)
            done = self._dry or replace(folder, name, found, edition.content, keep=False)
            return Verdict("updated") if done else None
        if not edition.given and not edition.was:
            return self._set_aside(folder, name, edition, "it is the student's own")
        return self._combine(folder, name, edition, found)

    def _give(self, folder: int, name: str, edition: Edition) -> Verdict | None:
        """Put the template where nothing is; under a new name with what the student wrote under the old one."""
        content, verdict = edition.content, Verdict("given")
        if edition.was:
            content, verdict = self._carry(edition)
        return verdict if self._dry or create(folder, name, content) else None

    def _carry(self, edition: Edition) -> tuple[bytes, Verdict]:
        try:
            with self._folder_of(edition.was) as folder:
                name = posixpath.basename(edition.was)
                found = None if folder is None else settled(folder, spelled(folder, name))
        except FileNotFoundError:
            found = None
        if found is None or found.content == edition.base:
            return edition.content, Verdict("given")
        text, why, answer = self._merge(edition, found)
        if text is None:
            return edition.content, Verdict("given", why)
        return text, Verdict("carried", notes=answer.get("notes", []), diff=answer.get("diff", []))

    def _combine(self, folder: int, name: str, edition: Edition, found: Found) -> Verdict | None:
        """Merge what the student changed with what the template changed, or lay the new edition beside."""
        now = settled(folder, name)
        if now is None or now.digest != found.digest:
            return None
        text, why, answer = self._merge(edition, found)
        if text not in (None, found.content) and (pair := self._paired(name, found.content, edition)):
            text, why = None, pair
        if text is None:
            return self._set_aside(folder, name, edition, why)
        notes = answer.get("notes", [])
        if text == found.content:
            return Verdict("same", notes=notes)
        done = self._dry or replace(folder, name, found, text, keep=True)
        return Verdict("merged", notes=notes, diff=answer.get("diff", [])) if done else None

    def _merge(self, edition: Edition, found: Found) -> tuple[bytes | None, str, dict[str, Any]]:
        """Return the merged bytes, or None and why there are none."""
        if found.problem:
            return None, found.problem, {}
        if edition.base is None:
            return None, "what was given before is not known on this machine", {}
        if edition.base == edition.content:
            return found.content, "", {}
        if not edition.path.endswith(".ipynb"):
            if is_same_text(edition.content, edition.base) or is_same_text(found.content, edition.content):
                return found.content, "", {}
            if is_same_text(found.content, edition.base):
                return edition.content, "", {}
            return None, "the student changed it", {}
        answer = self._merger(edition.base, found.content, edition.content)
        text = answer.get("text")
        if not isinstance(text, str):
            return None, str(answer.get("doubt", "it could not be merged")), {}
        return text.encode(), "", answer

    def _look_for_renamed(self, folder: int, edition: Edition) -> Verdict:
        """Say under which name the student has what is no longer under its own; only beside it is looked."""
        parent = posixpath.dirname(edition.path)
        for name in sorted(map(text, os.listdir(folder))) if edition.path.endswith(".ipynb") and edition.base else ():
            path = posixpath.join(parent, name)
            if path in self._course or not OWN_NOTEBOOK.fullmatch(name):
                continue
            found = look(folder, name)
            if found is not None and found.digest and is_renamed(edition.base or b"", found.content):
                return Verdict("renamed", aside=path)
        return Verdict("deleted")

    def _paired(self, name: str, content: bytes, edition: Edition) -> str:
        """Return, in words, what keeps a notebook from being replaced: Jupytext takes its cells from another file.

        Jupyter with Jupytext refuses to open a notebook that is newer than the text file that it is paired with, if the
        two differ. A file that the course gave, too, and that the student never touched, comes in a new edition itself.
        """
        stem, ending = posixpath.splitext(name)
        named = partners(name, content)
        for partner in [*named, *(f"{stem}.{other}" for other in TEXT_NOTEBOOKS)] if ending == ".ipynb" else ():
            path = posixpath.normpath(posixpath.join(posixpath.dirname(edition.path), partner))
            try:
                with open_file(self._root, path) as handle:
                    there = b"".join(blocks(handle, COMPARED))
            except OSError:  # there is none; or one that Jupytext could not read either
                continue
            is_paired = partner in named or b"jupytext:" in there[:TEXT_HEAD]
            if is_paired and hashlib.sha256(there).hexdigest() not in self._course.get(path, ()):
                return f"Jupytext pairs it with {partner}, from which Jupyter takes its cells"
        return ""

    def _set_aside(self, folder: int, name: str, edition: Edition, why: str) -> Verdict:
        """Lay the new edition beside the student's file."""
        stem, ending = posixpath.splitext(name)
        beside = f"{stem}.new-{edition.sha256[:8]}{ending}"
        path = posixpath.join(posixpath.dirname(edition.path), beside)
        there = look(folder, beside)
        if there is None and not self._dry and not create(folder, beside, edition.content):
            there = look(folder, beside)
        if there is not None and there.digest != edition.sha256:
            return Verdict("blocked", why)
        return Verdict("aside", why, path)


def is_same_text(content: bytes, other: bytes | None) -> bool:
    """Say whether two texts differ in how lines end, and in empty lines at the end, at most."""
    if other is None or b"\0" in content:
        return content == other
    one, another = (each.replace(b"\r\n", b"\n").rstrip(b"\n") for each in (content, other))
    return one == another


def partners(name: str, content: bytes) -> list[str]:
    """Return the text files that Jupytext pairs with the notebook `name`, by their paths from its folder.

    They are named by the notebook's metadata, such as `ipynb,py:percent` or `notebooks//ipynb,scripts//py`. Of a prefix
    with a root only the common case is known: two folders side by side.
    """
    try:
        formats = json.loads(content)["metadata"]["jupytext"]["formats"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return []
    stem = posixpath.splitext(name)[0]
    found = []
    for each in formats.split(",") if isinstance(formats, str) else ():
        prefix, _, rest = each.strip().partition(":")[0].rpartition("/")
        suffix, _, ending = rest.rpartition(".")
        if not ending or ending == "ipynb":
            continue
        ending = "py" if ending == "auto" else ending
        above = "../" if prefix.endswith("/") else ""
        folder = f"{above}{prefix.strip('/')}/" if prefix else ""
        found.append(f"{folder}{stem}{suffix}.{ending}")
    return found


def spelled(folder: int, name: str) -> str:
    """Return `name` in the code points that it has in `folder`, if it is there in others only."""
    if name.isascii():
        return name
    alike = [other for other in map(text, os.listdir(folder)) if composed(other) == composed(name)]
    return alike[0] if len(alike) == 1 else name


def look(folder: int, name: str) -> Found | None:
    """Return what is at `name`, read once; None if there is nothing."""
    with ExitStack() as opened:
        try:
            handle = opened.enter_context(open_file(folder, name))
        except FileNotFoundError:
            return None
        except OSError:
            return Found(problem="it cannot be read, or is no file")
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return Found(problem="it is no file")
        content = b"".join(blocks(handle, COMPARED))
    if len(content) > COMPARED:
        return Found(problem=f"it is larger than {COMPARED >> 20} MB")
    return Found(hashlib.sha256(content).hexdigest(), content, status.st_mode & 0o777, status.st_mtime)


def settled(folder: int, name: str) -> Found | None:
    """Return what is at `name` when it was not written for a while: Jupyter saves in place, and half a save is none."""
    for _ in range(LOOKS):
        found = look(folder, name)
        age = time.time() - found.written if found else QUIET_S
        if not 0 <= age < QUIET_S:  # a time to come is no reason to wait
            break
        time.sleep(QUIET_S - age)
    return found


def create(folder: int, name: str, content: bytes) -> bool:
    """Make the file `name` appear whole, or not at all if something is there by now; returns whether it was made."""
    part = _write_part(folder, name, content, 0o644)
    try:
        move_new(folder, part, folder, name)
    except OSError as error:
        os.unlink(raw(part), dir_fd=folder)
        if isinstance(error, FileExistsError):
            return False
        raise
    return True


def replace(folder: int, name: str, found: Found, content: bytes, *, keep: bool) -> bool:
    """Put `content` in the place of the very file that was `found`, or change nothing; returns whether it was done.

    The two change places in one step, and only then it is seen what really went away: a save that came in between is
    put back. With `keep`, what went away stays beside, hidden.
    """
    part = _write_part(folder, name, content, found.mode)
    swap = part.removesuffix(".part") + ".swap"  # no longer in the making: from now on it may hold a student's work
    move_new(folder, part, folder, swap)
    try:
        exchange(folder, swap, name)
    except FileNotFoundError:  # deleted just now
        os.unlink(raw(swap), dir_fd=folder)
        return False
    gone = look(folder, swap)
    if gone is None or gone.digest != found.digest:
        exchange(folder, swap, name)
        ours = look(folder, swap)
        if ours is not None and ours.digest == hashlib.sha256(content).hexdigest():
            os.unlink(raw(swap), dir_fd=folder)
        return False
    if keep:
        _keep(folder, name, swap, gone.digest)
    else:
        os.unlink(raw(swap), dir_fd=folder)
    os.fsync(folder)
    return True


def sweep(folder: int, name: str, known: set[str]) -> None:
    """Clear up what a run that was cut off left beside `name`, or beside a new edition that lies there.

    What it was writing goes. What it had swapped goes if it is one of the `known` digests or what `name` has; else it
    is the student's, and is kept under the name that it was about to get.
    """
    stem, ending = map(re.escape, posixpath.splitext(name))
    leftover = re.compile(rf"\.{stem}(\.new-[0-9a-f]{{8}})?{ending}\.[0-9a-f]{{16}}\.(part|swap)")
    for left in filter(leftover.fullmatch, map(text, os.listdir(folder))):
        found, now = look(folder, left), look(folder, name)
        if found is None or not found.digest:  # nothing that we make
            continue
        if left.endswith(".part") or found.digest in known or (now is not None and now.digest == found.digest):
            os.unlink(raw(left), dir_fd=folder)
        else:
            _keep(folder, name, left, found.digest)


def _keep(folder: int, name: str, left: str, digest: str) -> None:
    """Give `left`, the student's file before a merge, a hidden name of its own."""
    stem, ending = posixpath.splitext(name)
    for mark in (digest[:8], f"{digest[:8]}-{secrets.token_hex(4)}"):
        kept = f".{stem}.before-{mark}{ending}"
        try:
            move_new(folder, left, folder, kept)
        except FileExistsError:
            there = look(folder, kept)
            if there is None or there.digest != digest:
                continue
            os.unlink(raw(left), dir_fd=folder)
        return


def _write_part(folder: int, name: str, content: bytes, mode: int) -> str:
    """Write a file beside `name`, and return what it is called while it is in the making."""
    part = f".{name}.{secrets.token_hex(8)}.part"
    write_new(folder, part, [content], mode=mode, sync=True)
    return part
