"""Templates given to students: once each, over nothing, and never through a trap that lies in a student's folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import posixpath
import pwd
import re
import secrets
import select
import signal
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from ansible_collections.machine_learning.classroom.plugins.module_utils import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.accounts import primary_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host import Host

USERNAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
# Whoever owns the folder can stop a process that runs under the same account: we wait no longer than this, in seconds.
PATIENCE = 60.0
# A student's file of this name is compared with the template (is it what an interrupted run gave?) up to this size.
COMPARED = 64 << 20
# All templates together travel in one message to each machine.
LARGEST = 32 << 20


class NotebooksError(Exception):
    """Why a student cannot be given the notebooks, in words for the user."""


@dataclass
class Outcome:
    """What became of the templates in one student's folder, by path."""

    given: list[str] = field(default_factory=list)
    """Written now, or in check mode: would be."""
    same: list[str] = field(default_factory=list)
    """There already, with the very bytes of the template."""
    other: list[str] = field(default_factory=list)
    """Not given, because something of the student's own is there or in the way."""


def read_templates(source: str) -> dict[str, bytes]:
    """Return the files below the folder `source` by their paths in it.

    Hidden ones and __pycache__ are left out: editors and Jupyter's checkpoints leave them behind. NotebooksError if
    there is no such folder, or if there is more in it than is good to send to every machine.
    """
    if not os.path.isdir(source):
        raise NotebooksError(f"There is no folder {source}. Correct class_notebooks_directory.")
    templates: dict[str, bytes] = {}
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(folder, name)
            with open(path, "rb") as template:
                templates[os.path.relpath(path, source)] = template.read(LARGEST + 1)
            if sum(map(len, templates.values())) > LARGEST:
                raise NotebooksError(
                    f"{source} holds more than {LARGEST >> 20} MiB. Big files belong into data/datasets.yml, where"
                    " students share one copy."
                )
    return templates


def digests(templates: Mapping[str, bytes]) -> dict[str, str]:
    """Return the sha256 of each template by its path."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in templates.items()}


class Delivery:
    """The templates of a class, given to the students of one machine.

    `store` (root's alone) keeps for each student which bytes were given under which path, USERNAME.json, and these
    bytes themselves, objects/SHA256: a later update can tell from them what the student changed.
    """

    def __init__(self, host: Host, directory: str, *, store: str, owner: str) -> None:
        """Deliver below `directory`, one folder per student; `owner` owns that directory and the store."""
        self._host = host
        self._directory = directory
        self._store = store
        self._objects = os.path.join(store, "objects")
        self._owner = owner

    def keep(self, content: bytes) -> None:
        """Keep the bytes of a template on this machine, so that they can be given."""
        path = self._object(hashlib.sha256(content).hexdigest())
        if not os.path.exists(path):
            records.make_private(self._store)
            records.make_private(self._objects)
            records.write_bytes(path, content)

    def missing(self, students: Sequence[str], templates: Mapping[str, str]) -> list[str]:
        """Return the paths of `templates` (path → sha256) that some student never had and whose bytes are not here."""
        never_had = {path for student in students for path in set(templates) - set(self._record(student))}
        return sorted(path for path in never_had if not os.path.exists(self._object(templates[path])))

    def deliver(self, student: str, templates: Mapping[str, str]) -> Outcome:
        """Give `student` those of `templates` that were never given and at whose path nothing is.

        The bytes must have been kept, except in check mode.
        """
        folder = self._folder(student)
        given = self._record(student)
        wanted = {path: sha256 for path, sha256 in templates.items() if path not in given}
        if not wanted:
            return Outcome()
        if folder is None:  # check mode: it would just have been made, empty
            outcome = Outcome(given=sorted(wanted))
        else:
            contents = {path: b"" if self._host.check_mode else self._content(wanted[path]) for path in wanted}
            outcome = self._as_student(student, folder, wanted, contents)
        for path in outcome.given:
            self._host.change(f"gave {student} {path}")
        if not self._host.check_mode:
            records.make_private(self._store)
            given.update({path: wanted[path] for path in (*outcome.given, *outcome.same)})
            records.write(os.path.join(self._store, f"{student}.json"), given)
        return outcome

    def _record(self, student: str) -> dict[str, Any]:
        if not USERNAME.fullmatch(student):
            raise NotebooksError(f"{student!r} is no username.")
        return records.read(os.path.join(self._store, f"{student}.json"))

    def _object(self, sha256: str) -> str:
        return os.path.join(self._objects, sha256)

    def _content(self, sha256: str) -> bytes:
        with open(self._object(sha256), "rb") as source:
            return source.read()

    def _folder(self, student: str) -> str | None:
        """Return the student's folder, made if need be; None if check mode would have made it."""
        parent, group = os.path.dirname(self._directory), primary_group(self._owner)
        if not os.path.isdir(parent):
            self._host.directory(parent, mode=0o755, owner=self._owner, group=group)
        self._host.directory(self._directory, mode=0o711, owner=self._owner, group=group)
        folder = os.path.join(self._directory, student)
        try:
            pwd.getpwnam(student)
        except KeyError:
            if not self._host.check_mode:
                raise NotebooksError(
                    f"Student {student} has no account on this machine. Run configure.yml, which makes it."
                ) from None
        if os.path.islink(folder):
            raise NotebooksError(f"{folder} is a link, not the folder of {student}. Move it aside, then run again.")
        self._host.directory(folder, mode=0o700, owner=student, group=primary_group(student))
        return folder if os.path.isdir(folder) else None

    def _as_student(
        self, student: str, folder: str, wanted: Mapping[str, str], contents: Mapping[str, bytes]
    ) -> Outcome:
        """Look and write in `folder` from a process that is the student, and so can do no more than the student can."""
        account = pwd.getpwnam(student)
        # Opened before the rights are given up: the student may have none on the way there (Ubuntu's /home/ubuntu).
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        reading, writing = os.pipe()
        try:
            child = os.fork()
            if child == 0:
                _become(account)
                _work(root, writing, wanted, contents, dry=self._host.check_mode)
        finally:
            os.close(writing)
            os.close(root)
        try:
            answer = _read_all(reading, PATIENCE)
        finally:
            os.close(reading)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if "trouble" in answer:
            raise NotebooksError(f"The folder of {student} cannot be written: {answer['trouble']}.")
        if set(answer) != {"given", "same", "other"}:
            raise NotebooksError(f"Writing into the folder of {student} was interrupted. Run again.")
        return Outcome(**{what: sorted(set(paths) & set(wanted)) for what, paths in answer.items()})


def _become(account: pwd.struct_passwd) -> None:
    """Turn this process into one of the student's; it never comes back."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.umask(0o022)


def _work(root: int, answer: int, wanted: Mapping[str, str], contents: Mapping[str, bytes], *, dry: bool) -> NoReturn:
    """Be the child: do the work, write the outcome as JSON to the pipe `answer`, and end without a trace."""
    try:
        outcome: dict[str, Any] = {"given": [], "same": [], "other": []}
        try:
            for path, sha256 in sorted(wanted.items()):
                outcome[_give(root, path, sha256, contents[path], dry=dry)].append(path)
        except OSError as error:
            outcome = {"trouble": f"{error.filename or ''} {error.strerror}".strip()}
        os.write(answer, json.dumps(outcome).encode())
    finally:
        os._exit(0)


def _give(root: int, path: str, sha256: str, content: bytes, *, dry: bool) -> str:
    """Write one template below the directory `root` unless anything is there; returns the part of Outcome it is in."""
    name = posixpath.basename(path)
    try:
        folder = _open_folder(root, posixpath.dirname(path), make=not dry)
    except FileNotFoundError:  # check mode: it would just have been made
        return "given"
    if folder is None:
        return "other"
    try:
        found = _digest(folder, name)
        if found is not None:
            return "same" if found == sha256 else "other"
        return "given" if dry or _create(folder, name, content) else "other"
    finally:
        os.close(folder)


def _open_folder(root: int, path: str, *, make: bool) -> int | None:
    """Open the directory `path` below `root` step by step, following no link; made where it is missing, if `make`.

    Returns None if the student has put something else there: a file, a link, or a directory closed to the student.
    """
    folder = os.dup(root)
    for part in path.split("/") if path else ():
        try:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=folder)
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.EACCES):
                raise
            return None
        finally:
            os.close(folder)
        folder = deeper
    return folder


def _digest(folder: int, name: str) -> str | None:
    """Return the sha256 of the file `name`, "" for what is no readable file of moderate size, None for nothing."""
    try:
        # Not blocking: a pipe put here would keep us waiting for ever.
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError:
        return ""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_size > COMPARED:
        os.close(handle)
        return ""
    with os.fdopen(handle, "rb") as source:
        return hashlib.sha256(source.read(COMPARED)).hexdigest()


def _create(folder: int, name: str, content: bytes) -> bool:
    """Make the file `name` appear whole, or not at all if something is there by now; returns whether it was made."""
    beside = f".{secrets.token_hex(8)}.part"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.link(beside, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)  # unlike rename, never over
    except FileExistsError:
        return False
    finally:
        os.unlink(beside, dir_fd=folder)
    return True


def _read_all(pipe: int, patience: float) -> dict[str, Any]:
    """Read the child's JSON; {} if it said nothing within `patience` seconds of its last word."""
    said = b""
    while select.select([pipe], [], [], patience)[0]:
        block = os.read(pipe, 1 << 16)
        if not block:
            break
        said += block
    try:
        answer = json.loads(said)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
