"""Serves the mirror's folder to the hosts: plain files over HTTP, with ranges so that downloads resume."""

from __future__ import annotations

import mimetypes
import re
import urllib.parse
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, BinaryIO

from lab import layout

if TYPE_CHECKING:
    from pathlib import Path

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
CHUNK = 1 << 20


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte that `header` asks for in a file of `size` bytes, or None to send the whole file.

    Several ranges at once, and what is no range, are answered with the whole file, as RFC 9110 allows. Raises
    ValueError when nothing of the range lies in the file.
    """
    match = RANGE.fullmatch(header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < begin:
            return None
    if begin > end:
        raise ValueError(f"{header} lies outside of a file of {size} bytes")
    return begin, end


def inside(root: Path, url_path: str) -> Path | None:
    """Return the file below `root` that `url_path` names, or None: nothing outside, of a folder only its index."""
    path = urllib.parse.unquote(urllib.parse.urlsplit(url_path).path)
    if "\0" in path:
        return None
    # pip asks for PROJECT/ and expects a page of links.
    found = (root / f"{path.lstrip('/')}{'index.html' if path.endswith('/') else ''}").resolve()
    return found if found.is_relative_to(root.resolve()) and found.is_file() else None


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    protocol_version = "HTTP/1.1"
    server_version = "mirror"
    sys_version = ""
    # A host that was cut off must not hold a thread for ever.
    timeout = 60
    root: Path

    def do_GET(self) -> None:
        """Send a file or the asked part of it."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Send what GET would send before the file."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = inside(self.root, self.path)
        if path is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with path.open("rb") as file:
            about = path.stat()
            tag = f'"{about.st_mtime_ns:x}-{about.st_size:x}"'
            wanted = self.headers.get("Range", "")
            if self.headers.get("If-Range", tag) != tag:
                wanted = ""
            try:
                part = parse_range(wanted, about.st_size)
            except ValueError:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{about.st_size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            begin, end = part or (0, about.st_size - 1)
            self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
            if part:
                self.send_header("Content-Range", f"bytes {begin}-{end}/{about.st_size}")
            self.send_header("Content-Type", mimetypes.guess_type(path.name)[0] or "application/octet-stream")
            self.send_header("Content-Length", str(end - begin + 1))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("ETag", tag)
            self.send_header("Last-Modified", formatdate(about.st_mtime, usegmt=True))
            self.end_headers()
            if body:
                self._send(file, begin, end - begin + 1)

    def _send(self, file: BinaryIO, begin: int, length: int) -> None:
        file.seek(begin)
        while length > 0 and (data := file.read(min(CHUNK, length))):
            self.wfile.write(data)
            length -= len(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: a class downloads thousands of files."""


class Server(ThreadingHTTPServer):
    """A thread per connection, none of which keeps the process alive."""

    daemon_threads = True
    request_queue_size = 256  # a whole class asks at once


def make(root: Path, address: str = layout.GATEWAY, port: int = layout.MIRROR_PORT) -> Server:
    """Return a server of the files below `root`, bound and ready to `serve_forever`."""
    handler = type("RootedHandler", (Handler,), {"root": root})
    return Server((address, port), handler)
