"""A student's stable page on this computer's loopback, and who may hold the machine's old address."""

from __future__ import annotations

import ssl
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jinja2
import yaml

from tests.support.front import HOST
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lab.authority import Authority

ROLE = PROJECT / "roles" / "pages"
TEXTS: dict[str, dict[str, Any]] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text("utf-8"))["__pages_texts"]
"""What the page says, by language."""


def template(language: str = "en", contact: str = "ml101@example.edu") -> str:
    """Return the page's text as the role has it for the class ml101."""
    known = {"pages_class_name": "ml101", "pages_contact": contact}
    templates = jinja2.Environment(trim_blocks=True)  # noqa: S701 - as Ansible has it
    texts = {name: templates.from_string(text).render(known) for name, text in TEXTS[language].items()}
    page = templates.from_string((ROLE / "templates" / "page.html.j2").read_text(encoding="utf-8"))
    return page.render(known, __pages_language=language, __pages_words=texts)


class Bucket:
    """Serves pages by their addresses, as S3 does."""

    def __init__(self) -> None:
        """Have none."""
        self.pages: dict[str, bytes] = {}
        self.origin = ""

    @contextmanager
    def running(self) -> Iterator[Bucket]:
        """Serve for a while."""

        def answer(path: str, _: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
            page = self.pages.get(path.removeprefix("/"))
            return (200, {"Content-Type": "text/html; charset=utf-8"}, page) if page else (403, {}, b"")

        with serving(answer) as port:
            self.origin = f"http://{HOST}:{port}"
            yield self


class Stranger:
    """Whoever has the machine's old address now, with a certificate of `authority`; it keeps all that it gets."""

    def __init__(self, says: Callable[[str], str], authority: Authority) -> None:
        """Answer each path with what it `says`, to whichever page."""
        self._says = says
        self._authority = authority
        self.host = ""
        self.got: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def running(self) -> Iterator[Stranger]:
        """Answer for a while."""

        def answer(path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
            self.got.append((path, {name.lower(): value for name, value in headers.items()}))
            anybody = {"Access-Control-Allow-Origin": headers.get("Origin", "*"), "Content-Type": "text/plain"}
            return 200, anybody | {"Access-Control-Allow-Credentials": "true"}, self._says(path).encode()

        with serving(answer, self._authority.issue([HOST])) as port:
            self.host = f"{HOST}:{port}"
            yield self


@contextmanager
def serving(
    answer: Callable[[str, Mapping[str, str]], tuple[int, dict[str, str], bytes]], certificate: bytes = b""
) -> Iterator[int]:
    """Answer GET requests for a while, over TLS with a `certificate`; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path, dict(self.headers.items()))
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    if certificate:
        server.socket = _tls(certificate).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _tls(certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate)
        file.flush()
        context.load_cert_chain(file.name)
    return context
