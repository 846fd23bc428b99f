"""A web server on loopback, and the files and archives that it offers."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONTENT = bytes(range(256)) * 4096  # 1 MiB
CSV = b"length,width\n5.1,3.5\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Source:
    """A web server on loopback whose files, moods and visitors a test knows."""

    def __init__(self) -> None:
        """Serve from now on."""
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        """After so many bytes the line breaks, once for each number."""
        self.answers: list[int] = []
        """These statuses come first."""
        self.ranges_honoured = True
        self.length_said = True
        self.moved: dict[str, str] = {}
        """Where visitors are sent on to, by path."""
        self.asked: list[tuple[str, str | None]] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one visitor."""
        asked = handler.headers.get("Range")
        self.asked.append((handler.path, asked))
        if handler.path in self.moved:
            handler.send_response(302)
            handler.send_header("Location", self.moved[handler.path])
            handler.end_headers()
            return
        content = self.files.get(handler.path)
        if self.answers or content is None:
            handler.send_error(self.answers.pop(0) if self.answers else 404)
            return
        begin = 0
        if asked and self.ranges_honoured:
            begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]  # no match is a bug
            if begin >= len(content):
                handler.send_error(416)
                return
        handler.send_response(206 if begin else 200)
        if self.length_said:
            handler.send_header("Content-Length", str(len(content) - begin))
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        handler.end_headers()
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(content[begin : begin + self.cuts.pop(0)] if self.cuts else content[begin:])
        handler.close_connection = True


def tar_of(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]  # `mode` is any text
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "") -> Any:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, content


def zip_of(*members: tuple[str, bytes], unix_mode: int = 0o100777) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = unix_mode << 16
            archive.writestr(info, content)
    return out.getvalue()
