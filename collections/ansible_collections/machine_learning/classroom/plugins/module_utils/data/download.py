"""Downloads that survive bad lines: resumed by Range, tried again with patience, believed only by their sha256."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import threading
import time
import urllib.request
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.data.addresses import AddressError, request_url
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.not_data import found_instead

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 1 << 20
# A full disk stops Jupyter from saving: so many bytes are left to the students, whatever is downloaded.
KEPT_FREE = 256 << 20
LONGEST_PAUSE = 30.0
# Answers of a server that may be better a moment later; every other 4xx stays as it is.
PASSING = {408, 425, 429}


class DownloadError(Exception):
    """Why something could not be downloaded, in words for the user."""


@dataclass(frozen=True)
class Wanted:
    """Bytes to be had: where they are (http or https) and their sha256 in lower-case hexadecimal."""

    url: str
    sha256: str


class Space:
    """The room on one file system, shared by downloads that run side by side.

    Each promises how many bytes it still has to write, so that two that fit one by one do not fill the disk together.
    """

    def __init__(self, directory: str, free: Callable[[str], int] | None = None) -> None:
        """Watch the file system of `directory`; `free` answers how many bytes are free there."""
        self._directory = directory
        self._free = free or (lambda path: shutil.disk_usage(path).free)
        self._lock = threading.Lock()
        self._promised: dict[object, int] = {}

    def promise(self, who: object, size: int) -> None:
        """Note that `who` will write `size` bytes more; DownloadError if they do not fit."""
        with self._lock:
            others = sum(left for other, left in self._promised.items() if other != who)
            free = self._free(self._directory)
            if size and size + others + KEPT_FREE > free:
                raise DownloadError(
                    f"no room: {_human(size)} are to be written, {_human(max(0, free - others - KEPT_FREE))} are free"
                    f" beside the {_human(KEPT_FREE)} kept for students' work. Give the machines a larger disk."
                )
            self._promised[who] = size

    def wrote(self, who: object, size: int) -> None:
        """Note that `who` has written `size` of the bytes it promised."""
        with self._lock:
            self._promised[who] = max(0, self._promised.get(who, 0) - size)


def sha256_of(path: str) -> str:
    """Return the sha256 of the file at `path`."""
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def download(
    wanted: Wanted,
    partial: str,
    *,
    space: Space,
    attempts: int = 5,
    timeout: float = 30,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Bring the bytes of `wanted` to the file `partial`, going on where an earlier attempt or run stopped.

    A broken line and a server's passing trouble are answered by up to `attempts` attempts, the pauses between them
    growing from 1 s to 30 s; what no attempt can change is not tried again. `timeout` is how long the server may be
    silent, in seconds. Raises DownloadError: then `partial` holds what came so far, or is gone if those bytes are of
    no use.
    """
    got = ""
    try:
        for attempt in range(attempts):
            if attempt:
                sleep(min(LONGEST_PAUSE, 2.0 ** (attempt - 1)))
            try:
                whole = _attempt(wanted, partial, space, timeout)
            except _PassingError as error:
                failure = str(error)
                continue
            before, got = got, sha256_of(partial)
            if got == wanted.sha256:
                return
            instead = found_instead(partial)
            os.unlink(partial)
            failure = f"wrong checksum: expected sha256 {wanted.sha256}, got {got}"
            if instead:
                raise DownloadError(f"{failure}, of {instead}.")
            if whole or got == before:  # it came in one piece, or twice, and is another file: so it will be
                raise DownloadError(failure)
        raise DownloadError(f"{failure} (attempts: {attempts})")
    finally:
        space.promise(wanted, 0)


class _PassingError(Exception):
    """A trouble that the next attempt may not meet."""


def _attempt(wanted: Wanted, partial: str, space: Space, timeout: float) -> bool:
    """Fetch what `partial` still lacks; returns whether the server surely sent the whole file in one piece."""
    have = os.path.getsize(partial) if os.path.exists(partial) else 0
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "machine-learning-classroom"})  # noqa: S310 - _OPENER speaks http and https only
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            if have and not _continues(answer, have):
                have = 0
            length = answer.headers.get("Content-Length")
            if length is not None:
                space.promise(wanted, int(length))
            written = _pour(answer, partial, have, lambda size: space.wrote(wanted, size))
            if length is not None and written < int(length):
                raise _PassingError(f"the line broke after {_human(have + written)} of {_human(have + int(length))}")
            return not have and (length is not None or answer.chunked)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return False  # nothing lies beyond what we have: its checksum tells whether it is the file
        message = f"the server answered {error.code} {error.reason}"
        if error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in PASSING:
            raise DownloadError(message) from error
        raise _PassingError(message) from error
    except urllib.error.URLError as error:
        raise _unreachable(error.reason) from error
    except (http.client.InvalidURL, ValueError) as error:  # of a mirror: those of the list are checked
        raise DownloadError(f"the address is none ({error})") from error
    except (http.client.HTTPException, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError("the disk is full. Give the machines a larger disk.") from error
        raise _PassingError(f"the line broke ({str(error) or type(error).__name__})") from error


def _unreachable(reason: str | BaseException) -> Exception:
    """Return what to raise where there is no connection: the next attempt may have one, unless this is for good."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(f"the server's certificate is not to be trusted ({reason.verify_message})")
    if isinstance(reason, socket.gaierror) and reason.errno == socket.EAI_NONAME:
        return DownloadError(f"there is no server of that name ({reason.strerror})")
    return _PassingError(f"the server cannot be reached ({reason})")


def _continues(answer: http.client.HTTPResponse, have: int) -> bool:
    """Tell whether the server honoured the Range; one that did not sends the file from its beginning."""
    start = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and start is not None and int(start[1]) == have


def _pour(answer: http.client.HTTPResponse, partial: str, have: int, wrote: Callable[[int], None]) -> int:
    """Write the body of `answer` into `partial` behind its first `have` bytes; returns how many bytes came."""
    written = 0
    with open(partial, "ab") as out:
        out.truncate(have)
        while block := answer.read(BLOCK):
            out.write(block)
            wrote(len(block))
            written += len(block)
        out.flush()
        os.fsync(out.fileno())
    return written


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows a server that sends us on, but only to an address that may be one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            address = request_url(newurl)
        except AddressError as error:
            raise DownloadError(f"the server sends us on to an address that {error}") from error
        return super().redirect_request(req, fp, code, msg, headers, address)


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener(): that one also opens file: and ftp:, and follows a redirection there.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        _Redirections(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()


def _human(size: int) -> str:
    """Return a number of bytes as people say it."""
    amount = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"
