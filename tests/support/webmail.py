"""Another site, where somebody reads mail."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def page_elsewhere(html: str) -> Iterator[str]:
    """Serve one page at an address that is another site's than any machine's; yield that."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def webmail(link: str) -> Iterator[str]:
    """Show a letter with a link, as webmail does; yield the address of that page."""
    # On a line of its own, however long: the middle of one that is broken over two lines may be beside it.
    letter = f'Your machine is ready: <a style="display: block" href="{escape(link)}">{escape(link)}</a>'
    with page_elsewhere(f"<!doctype html><title>Inbox</title><h1>Inbox</h1><p>{letter}</p>") as address:
        yield address
