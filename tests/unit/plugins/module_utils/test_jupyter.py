"""A Jupyter is asked without that counting as activity, and one that its student has changed holds nobody up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils import jupyter

TOKEN = "made-up"
ENDLESS = 64 << 20


class Server(ThreadingHTTPServer):
    """A server that does not mind when it is not listened to."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


class Jupyter:
    """What jupyter_server 2 does with a question: `activity` counts those that it takes for a student's."""

    def __init__(self) -> None:
        """Answer on a free port, with no kernel and no terminal."""
        self.activity = 0
        self.says: dict[str, Callable[[Handler], None] | Any] = {"contents": {}, "kernels": [], "terminals": []}
        self.server = Server(("127.0.0.1", 0), type("Its", (Handler,), {"jupyter": self}))
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """One question."""

    jupyter: Jupyter

    def do_GET(self) -> None:
        """Answer to the token, and remember that somebody was there, unless the question says not to."""
        asked = urlsplit(self.path)
        if self.headers["Authorization"] != f"token {TOKEN}":
            self.send_error(403)
            return
        if "no_track_activity" not in parse_qs(asked.query):
            self.jupyter.activity += 1
        said = self.jupyter.says.get(asked.path.removeprefix("/api/"))
        if said is None:
            self.send_error(404)
        elif callable(said):
            said(self)
        else:
            self.answer(json.dumps(said).encode())

    def answer(self, body: bytes) -> None:
        """Send it."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Jupyter]:
    made = Jupyter()
    yield made
    made.server.shutdown()
    made.server.server_close()


def ago(**since: int) -> str:
    """Return a time as Jupyter writes it."""
    return (datetime.now(UTC) - timedelta(**since)).isoformat().replace("+00:00", "Z")


def test_asking_is_no_activity(server: Jupyter) -> None:
    assert jupyter.is_ready(server.port, TOKEN)
    assert jupyter.idle_seconds(server.port, TOKEN) is None
    assert server.activity == 0


def test_one_that_lets_everybody_in_is_not_ready(server: Jupyter) -> None:
    assert not jupyter.is_ready(server.port, "another")
    assert jupyter.answer(server.port, "another") == "403"


@pytest.mark.parametrize(
    ("kernels", "terminals", "idle"),
    [
        ([{"execution_state": "idle", "last_activity": ago(hours=2)}], [{"last_activity": ago(minutes=4)}], 240),
        ([{"execution_state": "busy", "last_activity": ago(hours=2)}], [], 0),
        ([{"execution_state": "idle", "last_activity": ago(hours=2)}], None, 7200),
        ([], [], None),
        ([{"last_activity": "9999-12-31T23:59:59Z"}], [], 0),
    ],
    ids=["terminal", "a cell runs", "no terminals", "nothing", "time to come"],
)
def test_the_last_activity_is_that_of_a_kernel_or_a_terminal(
    server: Jupyter, kernels: Any, terminals: Any, idle: int | None
) -> None:
    server.says |= {"kernels": kernels, "terminals": terminals}
    found = jupyter.idle_seconds(server.port, TOKEN)
    assert found == (None if idle is None else pytest.approx(idle, abs=60))


def endless(handler: Handler) -> None:
    """Send more than anybody wants to keep."""
    handler.answer(b"[" + b" " * ENDLESS)


def deep(handler: Handler) -> None:
    """Send what no parser follows to its end."""
    handler.answer(b"[" * (1 << 19))


def no_json(handler: Handler) -> None:
    """Send words."""
    handler.answer(b"not now")


@pytest.mark.parametrize(
    "said",
    [
        endless,
        deep,
        no_json,
        {},
        ["kernel", 1, None, {}, {"last_activity": 1}, {"last_activity": "yesterday"}, {"last_activity": "2026-02-30"}],
    ],
)
def test_nonsense_of_one_leaves_what_the_other_says(server: Jupyter, said: Any) -> None:
    server.says |= {"kernels": said, "terminals": [{"last_activity": ago(minutes=4)}]}
    assert jupyter.idle_seconds(server.port, TOKEN) == pytest.approx(240, abs=60)


def test_no_more_is_read_than_anybody_needs(server: Jupyter) -> None:
    sent = []

    def count(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(ENDLESS >> 20):
            handler.wfile.write(b" " * (1 << 20))
            sent.append(1)

    server.says["kernels"] = count
    assert jupyter.idle_seconds(server.port, TOKEN) is None
    assert len(sent) < ENDLESS >> 21


def test_one_that_sends_a_byte_now_and_then_is_given_up(server: Jupyter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter, "SECONDS", 1)

    def drip(handler: Handler) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100:
            handler.wfile.write(bytes([letter]))
            time.sleep(0.2)

    server.says |= {"contents": drip, "kernels": drip, "terminals": drip}
    began = time.monotonic()
    assert not jupyter.is_ready(server.port, TOKEN)
    assert jupyter.idle_seconds(server.port, TOKEN) is None
    assert time.monotonic() - began < 9
