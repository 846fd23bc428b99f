"""What lasts: websockets that say nothing for hours, terminals, and both while the front reads its files again."""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import TYPE_CHECKING

import pytest
import websocket

from tests.support.front import TOKENS, Front, Jupyter
from tests.support.visitor import XSRF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)

HOURS = 12
"""From the evening to the morning."""
IDLE_S = 5.0


def told(front: Front, timeout: str) -> str:
    """Return how long haproxy is told to wait."""
    found = re.search(rf"^ *timeout {timeout} (\w+)$", (front.folder / "haproxy.cfg").read_text(), re.MULTILINE)
    assert found, timeout
    return found[1]


@contextlib.contextmanager
def in_a_hurry(folder: Path, **timeouts: str) -> Iterator[Front]:
    """Run a front in whose configuration these timeouts are others, with a Jupyter behind it."""
    (folder / "front").mkdir()
    front = Front(folder / "front")
    front.lay_out()
    text = (front.folder / "haproxy.cfg").read_text()
    for name, value in timeouts.items():
        text, count = re.subn(rf"^( *timeout {name}) \w+$", rf"\1 {value}", text, flags=re.MULTILINE)
        assert count == 1, name
    (front.folder / "haproxy.cfg").write_text(text)
    with front.running(), Jupyter(folder / "jupyter", front.jupyters["ada"], TOKENS["ada"]).running():
        yield front


class Terminal:
    """A terminal in a browser that is in."""

    def __init__(self, front: Front) -> None:
        """Open it."""
        ours = f"https://{front.hosts['ada']}"
        login = front.ask("/login?next=%2Flab", {"Cookie": front.cookie()})
        own = [f"{name}={value.partition(';')[0]}" for name, value in login.cookies.items()]
        cookies = "; ".join([front.cookie(), *own, f"_xsrf={XSRF}"])
        made = front.ask(
            "/api/terminals", {"Cookie": cookies, "X-XSRFToken": XSRF, "Origin": ours}, method="POST", body=b"{}"
        )
        assert made.status == 200, made.body
        address = f"wss://{front.hosts['ada']}/terminals/websocket/{json.loads(made.body)['name']}"
        self._connection = websocket.create_connection(
            address, cookie=cookies, origin=ours, sslopt={"ca_certs": str(front.folder / "authority.pem")}, timeout=60
        )

    def say(self, line: str, expected: str) -> None:
        """Type a line, and wait for what comes."""
        self._connection.send(json.dumps(["stdin", f"{line}\r"]))
        shown = ""
        while expected not in shown:
            kind, *rest = json.loads(self._connection.recv())
            shown += rest[0] if kind == "stdout" else ""

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def test_a_terminal_that_is_idle_outlives_every_other_timeout(tmp_path: Path) -> None:
    seconds = {"client": "2s", "server": "2s", "client-fin": "1s", "http-request": "2s"}
    with in_a_hurry(tmp_path, **seconds) as front, contextlib.closing(Terminal(front)) as terminal:
        terminal.say("echo $((40 + 2))", "42")
        time.sleep(IDLE_S)
        terminal.say("echo $((50 + 2))", "52")


def test_only_the_timeout_of_tunnels_ends_an_idle_one_and_that_is_hours(tmp_path: Path) -> None:
    with in_a_hurry(tmp_path, tunnel="2s") as front, contextlib.closing(Terminal(front)) as terminal:
        terminal.say("echo $((40 + 2))", "42")
        time.sleep(IDLE_S)
        with pytest.raises((OSError, websocket.WebSocketException)):
            terminal.say("echo $((50 + 2))", "52")
    laid = Front(tmp_path)
    laid.lay_out()
    hours = re.fullmatch(r"(\d+)h", told(laid, "tunnel"))
    assert hours
    assert int(hours[1]) >= HOURS


def test_a_front_that_reads_its_files_again_loses_no_websocket(tmp_path: Path) -> None:
    with in_a_hurry(tmp_path) as front, contextlib.ExitStack() as stack:
        terminals = [stack.enter_context(contextlib.closing(Terminal(front))) for _ in range(3)]
        for terminal in terminals:
            terminal.say("export answer=42", "")
        (front.folder / "keys.map").write_text("")
        front.reload()
        assert front.ask("/login", {"Cookie": front.cookie()}).status == 403  # it has read them
        for terminal in terminals:
            terminal.say("echo here=$answer", "here=42")
