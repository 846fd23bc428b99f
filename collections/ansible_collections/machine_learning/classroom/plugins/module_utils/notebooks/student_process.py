"""A process that is the student: it brings the editions into the student's folder and says what became of each.

So nothing that lies there, and no trap that we did not think of, can lead to more than the student could do anyway. The
student may stop or end that process, or speak in its place: what it says is waited for only so long, and checked.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import pwd
import resource
import select
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import open_root
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.student_files import (
    VERDICTS,
    Edition,
    StudentFiles,
    Verdict,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import NotebooksError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

# Whoever owns the folder can stop a process that runs under the same account: we wait no longer than this, in seconds,
# for its next message. There is one for every template, and a merge has its own, shorter limit.
PATIENCE = 60.0
# What that process and its merges may take of the machine's memory: a notebook may be made to take all.
MEMORY = 3 << 30

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def as_student(
    student: str,
    folder: str,
    editions: Sequence[Edition],
    merger: Callable[[bytes, bytes, bytes], dict[str, Any]],
    *,
    dry: bool,
    course: Mapping[str, Collection[str]],
) -> Iterator[tuple[str, Verdict]]:
    """Apply `editions` to `folder` in a process that is the student, and so can do no more than the student can.

    `course` is the sha256 of what the student was given, and of the template, by path. Return the path of each edition
    with what became of it, as it is done. Raise NotebooksError if the process did not get to the end, OSError if the
    folder cannot be opened.
    """
    account = pwd.getpwnam(student)
    # Opened before the rights are given up: the student may have none on the way there (Ubuntu's /home/ubuntu).
    with open_root(folder, follow=False) as root:
        reading, writing = os.pipe()
        try:
            child = os.fork()
            if child == 0:
                _become(account)
                _work(StudentFiles(root, merger, dry=dry, course=course), editions, writing)
        finally:
            os.close(writing)
    open_paths = {edition.path for edition in editions}
    try:
        for said in _messages(reading, PATIENCE):
            if isinstance(said.get("error"), str):
                raise NotebooksError(f"The folder of {student} cannot be written: {printable(said['error'])}")
            path, verdict = said.get("path"), _verdict(said)
            if path in open_paths and verdict is not None:
                open_paths.remove(path)
                yield path, verdict
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if open_paths:
        raise NotebooksError(f"Writing into the folder of {student} was interrupted. Run again.")


def _become(account: pwd.struct_passwd) -> None:
    """Turn this process into one of the student's; it never comes back, and ends with the run that made it."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _work(files: StudentFiles, editions: Sequence[Edition], answer: int) -> NoReturn:
    """Be the child: apply one edition after another, say so to the pipe `answer`, and end without a trace."""

    def say(message: dict[str, Any]) -> None:
        os.write(answer, json.dumps(message).encode() + b"\n")

    try:
        for edition in editions:
            say({"path": edition.path, **asdict(files.apply(edition))})
    except OSError as error:
        say({"error": explain_os_error(error)})
    finally:
        os._exit(0)


def _messages(pipe: int, patience: float) -> Iterator[dict[str, Any]]:
    """Yield what the child says, line by line, until it has ended or was silent for `patience` seconds."""
    said = b""
    while select.select([pipe], [], [], patience)[0]:
        block = os.read(pipe, 1 << 16)
        if not block:
            break
        *lines, said = (said + block).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                yield message


def _verdict(said: dict[str, Any]) -> Verdict | None:
    """Return what the child found; None if it says what it could not: a student may have had a hand in it."""
    texts = [said.get(name) for name in ("why", "aside")]
    lists = [said.get(name) for name in ("notes", "diff")]
    if said.get("what") not in VERDICTS or not all(isinstance(text, str) for text in texts):
        return None
    if not all(isinstance(items, list) and all(isinstance(item, str) for item in items) for items in lists):
        return None
    return Verdict(**{name: said[name] for name in ("what", "why", "aside", "notes", "diff")})


def explain_os_error(error: OSError) -> str:
    """Say what failed, and what helps against a full disk."""
    text = f"{error.filename or ''} {error.strerror}".strip()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{text}. Make room on the machine's disk, then run again."
    return f"{text}."
