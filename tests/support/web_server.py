"""A web server for tests: it answers whatever it is asked with one status, and remembers the questions."""

from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def web_server(status: int) -> Iterator[tuple[str, list[str]]]:
    """Answer HEAD with a status; yields the address, and the list of what was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:  # http.server's name
            asked.append(f"{self.command} {self.path}")
            self.send_response(status)
            self.send_header("Location", "http://elsewhere.invalid/")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
