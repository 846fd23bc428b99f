"""Students' browsers: Debian's Chromium and Firefox, fresh, or started again with what they remember.

What a student does in them is written once, for both. Chromium is driven by Playwright. Playwright's own way into a
Firefox needs commands that Debian's, the ESR, does not know yet, so it is spoken to in the browser's own tongue:
WebDriver BiDi, https://w3c.github.io/webdriver-bidi/.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import websocket
from playwright.sync_api import Error, sync_playwright

from tests.support.laptop import CHROMIUM, QUIET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Request

FIREFOX = "/usr/bin/firefox-esr"
NAMES = ("chromium", "firefox")
DESKTOP, TABLET = (1360, 850), (820, 1180)
PATIENCE = 180.0  # s; a page may be long in coming on a machine that does other things beside
PAUSE = 0.05  # s, between two looks at a page


class BrowserError(Exception):
    """The browser did not do what it was told, such as to look at a page that it was just leaving."""


@dataclass(frozen=True)
class Cookie:
    """What a browser keeps for a site."""

    name: str
    secure: bool
    same_site: str
    """lax, strict or none."""


@dataclass(frozen=True)
class Sent:
    """A request as the browser sent it."""

    url: str
    referer: str


class Window(ABC):
    """A window with one page: somebody looks at it, clicks and types."""

    @abstractmethod
    def go(self, url: str) -> None:
        """Type an address into the address bar; the page has come then."""

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """Return what a line of JavaScript gives in the page, as JSON has it; a promise is waited for."""

    @abstractmethod
    def click(self, x: int, y: int) -> None:
        """Click on a point of the page."""

    @abstractmethod
    def type(self, text: str) -> None:
        """Press keys."""

    @abstractmethod
    def choose(self, opens: str, path: Path) -> None:
        """Press the element `opens`, and pick the file `path` in the dialog that it opens."""

    @abstractmethod
    def cookies(self) -> list[Cookie]:
        """Return all that it keeps."""

    @abstractmethod
    def sent(self) -> list[Sent]:
        """Return every request since the window was opened, those for websockets too."""

    @abstractmethod
    def screenshot(self, path: Path) -> None:
        """Keep what the window shows, as PNG."""

    @property
    def url(self) -> str:
        """What stands in the address bar."""
        return str(self.evaluate("location.href"))

    def wait_for(self, condition: str, seconds: float = PATIENCE) -> Any:
        """Wait until `condition` is true in the page, whichever that is by then, and return its value."""
        deadline, last = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            try:
                if found := self.evaluate(condition):
                    return found
            except BrowserError as error:  # a page that goes away while it is looked at
                last = str(error)
            time.sleep(PAUSE)
        text = ""
        with suppress(BrowserError):
            text = f"{self.url}: {self.evaluate('document.body.innerText')}"
        raise AssertionError(f"never true within {seconds:.0f} s: {condition}\n{text[:600]}\n{last}")

    def press(self, element: str) -> None:
        """Click on an element, an expression in JavaScript, once it is there and nothing covers it."""
        at = self.wait_for(
            f"(e => {{ if (!e) return null; const b = e.getBoundingClientRect(),"
            " x = Math.round(b.x + b.width / 2), y = Math.round(b.y + b.height / 2);"
            f" return e.contains(document.elementFromPoint(x, y)) ? [x, y] : null }})({element})"
        )
        self.click(*at)


@contextmanager
def window(name: str, folder: Path, size: tuple[int, int] = DESKTOP, *, trusted: bytes = b"") -> Iterator[Window]:
    """Open a browser whose memory is in `folder`, with one window; it trusts the authority `trusted`, too."""
    folder.mkdir(exist_ok=True)
    with (_chromium if name == "chromium" else _firefox)(folder, size, trusted) as opened:
        yield opened


def trust(database: Path, authority: bytes) -> None:
    """Have a browser trust what `authority`, in PEM, vouches for: both keep that in a folder of NSS."""
    database.mkdir(parents=True, exist_ok=True)
    certificate = database / "authority.pem"
    certificate.write_bytes(authority)
    where = ["certutil", "-d", f"sql:{database}"]
    subprocess.run([*where, "-N", "--empty-password"], check=True)
    subprocess.run([*where, "-A", "-n", "authority", "-t", "C,,", "-i", str(certificate)], check=True)


@dataclass
class _Chromium(Window):
    context: BrowserContext
    page: Page
    requests: list[Request] = field(default_factory=list)
    websockets: list[str] = field(default_factory=list)

    def go(self, url: str) -> None:
        try:
            self.page.goto(url)
        except Error as error:
            if "net::ERR_NETWORK_CHANGED" not in str(error):
                raise
            # A host of the lab came or went, and its part of the network with it: with a screen it loads that again.
            self.page.goto(url)

    def evaluate(self, expression: str) -> Any:
        try:
            return self.page.evaluate(f"() => ({expression})")
        except Error as error:
            raise BrowserError(str(error)) from error

    def click(self, x: int, y: int) -> None:
        self.page.mouse.click(x, y)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def choose(self, opens: str, path: Path) -> None:
        with self.page.expect_file_chooser() as asked:
            self.press(opens)
        asked.value.set_files(path)

    def cookies(self) -> list[Cookie]:
        return [
            Cookie(cookie["name"], cookie["secure"], cookie["sameSite"].lower()) for cookie in self.context.cookies()
        ]

    def sent(self) -> list[Sent]:
        self.page.wait_for_timeout(0)  # hear what is new
        pages = [Sent(request.url, request.all_headers().get("referer", "")) for request in self.requests]
        return [*pages, *(Sent(url, "") for url in self.websockets)]

    def screenshot(self, path: Path) -> None:
        self.page.screenshot(path=path)


@contextmanager
def _chromium(folder: Path, size: tuple[int, int], trusted: bytes) -> Iterator[Window]:
    if trusted and not (folder / ".pki").exists():
        trust(folder / ".pki" / "nssdb", trusted)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=CHROMIUM,
            chromium_sandbox=os.geteuid() != 0,  # which does not work for root
            args=QUIET,
            env={"HOME": str(folder)},
            viewport={"width": size[0], "height": size[1]},
        )
        context.set_default_timeout(PATIENCE * 1000)
        opened = _Chromium(context, context.pages[0])
        context.on("request", lambda request: opened.requests.append(request))
        opened.page.on("websocket", lambda found: opened.websockets.append(found.url))
        yield opened
        context.close()


@dataclass
class _Firefox(Window):
    connection: websocket.WebSocket
    page: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    events: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command and return its result; what happens in the meantime is among the events."""
        number = next(self.numbers)
        self.connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (said := json.loads(self.connection.recv())).get("id") != number:
            self.events.append(said)
        if said["type"] == "error":
            raise BrowserError(f"{method}: {said['message']}")
        result: dict[str, Any] = said["result"]
        return result

    def happened(self, method: str) -> list[dict[str, Any]]:
        """Return the events of one kind."""
        self.tell("session.status")
        return [event["params"] for event in self.events if event.get("method") == method]

    def go(self, url: str) -> None:
        self.tell("browsingContext.navigate", context=self.page, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        said = self.tell(
            "script.evaluate",
            expression=f"Promise.resolve(({expression})).then(found => JSON.stringify(found) ?? 'null')",
            target={"context": self.page},
            awaitPromise=True,
        )
        if said["type"] == "exception":
            raise BrowserError(said["exceptionDetails"]["text"])
        return json.loads(said["result"]["value"])

    def click(self, x: int, y: int) -> None:
        move = {"type": "pointerMove", "x": x, "y": y}
        button = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act(type="pointer", id="mouse", actions=[move, *button])

    def type(self, text: str) -> None:
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act(type="key", id="keyboard", actions=keys)

    def _act(self, **source: Any) -> None:
        self.tell("input.performActions", context=self.page, actions=[source])

    def choose(self, opens: str, path: Path) -> None:
        self.press(opens)
        deadline = time.monotonic() + PATIENCE
        while not (asked := self.happened("input.fileDialogOpened")):
            assert time.monotonic() < deadline, "no dialog opened"
        self.tell("input.setFiles", context=self.page, element=asked[-1]["element"], files=[str(path)])

    def cookies(self) -> list[Cookie]:
        found = self.tell("storage.getCookies")["cookies"]
        return [Cookie(cookie["name"], cookie["secure"], cookie["sameSite"]) for cookie in found]

    def sent(self) -> list[Sent]:
        requests = [event["request"] for event in self.happened("network.beforeRequestSent")]
        headers = [{each["name"].lower(): each["value"]["value"] for each in one["headers"]} for one in requests]
        return [Sent(request["url"], own.get("referer", "")) for request, own in zip(requests, headers, strict=True)]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.tell("browsingContext.captureScreenshot", context=self.page)["data"]))


@contextmanager
def _firefox(folder: Path, size: tuple[int, int], trusted: bytes) -> Iterator[Window]:
    profile = folder / "profile"
    if trusted and not profile.exists():
        trust(profile, trusted)
    profile.mkdir(exist_ok=True)
    listening = profile / "WebDriverBiDiServer.json"
    listening.unlink(missing_ok=True)
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("ab"))
        process = subprocess.Popen(
            [FIREFOX, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait, PATIENCE)
        stack.callback(process.terminate)
        _until(listening.exists)
        port = json.loads(listening.read_text())["ws_port"]
        address = f"ws://127.0.0.1:{port}/session"
        connection = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        opened = _Firefox(connection)
        opened.tell("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})
        opened.tell("session.subscribe", events=["network.beforeRequestSent", "input.fileDialogOpened"])
        # The first one never has the focus where there is no screen.
        opened.page = opened.tell("browsingContext.create", type="window")["context"]
        width, height = size
        opened.tell("browsingContext.setViewport", context=opened.page, viewport={"width": width, "height": height})
        yield opened
        opened.tell("browser.close")  # it writes down what it remembers
        process.wait(PATIENCE)


def _until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < deadline, "Firefox does not listen"
        time.sleep(PAUSE)
