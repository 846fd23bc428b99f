"""Who comes in over https with a letter's link: a browser's requests and cookies and a kernel, without a window."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import websocket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

SECONDS = 60.0
# What JupyterLab's page brings as a cookie, and repeats in a header.
XSRF = "2|aaaaaaaa|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|1795905163"
GATE = "__Host-class"


@dataclass
class Answer:
    """What a server says to one request."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that it sets, by name, each with its attributes."""
        return {
            line.partition("=")[0]: line.partition("=")[2] for line in self.headers.get_all("Set-Cookie", failobj=[])
        }


@dataclass
class Visitor:
    """A browser of its own, on its way to `host`, which trusts nobody but `authorities`, a file of certificates."""

    host: str
    """What stands in the address bar, with a port that is not the usual one."""
    authorities: Path
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = ""
    """Where that is, if the DNS of this computer knows no such name."""

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes | None = None
    ) -> Answer:
        """Send one request, and keep the cookies that come back."""
        with closing(http.client.HTTPConnection(self.host)) as connection:
            connection.sock = self._connected()  # over which it is https
            connection.request(method, path, body=body, headers=self.headers() | dict(headers or {}))
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode(errors="replace"))
        for name, value in answer.cookies.items():
            self.cookies[name] = value.partition(";")[0]
        return answer

    def headers(self) -> dict[str, str]:
        """Return what goes with each request of our own page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        own = {"Host": self.host, "Origin": f"https://{self.host}", "X-XSRFToken": XSRF}
        return own | ({"Cookie": cookies} if cookies else {})

    def open(self, link: str) -> None:
        """Follow the link of a letter until Jupyter knows who comes."""
        answer = self.ask(urlsplit(link).path)
        assert (answer.status, answer.headers["Location"]) == (303, "/lab"), answer
        answer = self.ask("/login?next=%2Flab")
        assert (answer.status, answer.headers["Location"]) == (302, "/lab"), answer
        self.cookies["_xsrf"] = XSRF

    def works(self) -> bool:
        """Say whether Jupyter shows this visitor the student's files."""
        return self.ask("/api/contents").status == 200

    def has_a_valid_certificate(self) -> bool:
        """Say whether the machine shows one that the browser trusts, for this host and this moment."""
        try:
            self.ask("/")
        except ssl.SSLCertVerificationError:
            return False
        return True

    @contextmanager
    def kernel(self) -> Iterator[Kernel]:
        """Start a kernel, and be connected to it until the end."""
        made = self.ask("/api/kernels", method="POST", body=b"{}")
        assert made.status == 201, made
        kernel = json.loads(made.body)["id"]
        connection = websocket.create_connection(
            f"wss://{self.host}/api/kernels/{kernel}/channels",
            header=[f"{name}: {value}" for name, value in self.headers().items() if name not in {"Host", "Origin"}],
            origin=f"https://{self.host}",
            socket=self._connected(),
        )
        with closing(connection):
            yield Kernel(connection)
        assert self.ask(f"/api/kernels/{kernel}", method="DELETE").status == 204

    def certificate(self) -> str:
        """Return the certificate that the machine shows, which has to be valid."""
        with self._connected() as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")

    def _connected(self) -> ssl.SSLSocket:
        """Connect to the host, whose certificate has to be valid."""
        name, _, port = self.host.partition(":")
        plain = socket.create_connection((self.address or name, int(port or 443)), SECONDS)
        return ssl.create_default_context(cafile=str(self.authorities)).wrap_socket(plain, server_hostname=name)


@dataclass
class Kernel:
    """A running kernel at the other end of one websocket, which is never opened anew."""

    connection: websocket.WebSocket
    cells: int = 0
    """How many have run."""

    def run(self, code: str) -> str:
        """Run a cell to its end; return what it printed. Raise whatever breaks the connection."""
        self.cells += 1
        mine = f"cell-{self.cells}"
        header = {"msg_id": mine, "msg_type": "execute_request", "session": "s", "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.connection.send(json.dumps(message))
        printed, deadline = "", time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            said = json.loads(self.connection.recv())
            if said["parent_header"].get("msg_id") != mine:
                continue
            if said["msg_type"] == "stream":
                printed += said["content"]["text"]
            if said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
                return printed
        raise TimeoutError(code)


@contextmanager
def busy(kernel: Kernel) -> Iterator[Future[int]]:
    """Run cells one after the other, so that nearly always one is at work; yields how many it will have been."""
    over = threading.Event()

    def work() -> int:
        while not over.is_set():
            number = kernel.cells + 1
            assert kernel.run(f"import time; time.sleep(0.3); print({number})") == f"{number}\n"
        return kernel.cells

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield working
        finally:
            over.set()
