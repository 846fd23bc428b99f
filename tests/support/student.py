"""What a student does who has a link: clicks it in webmail, runs a cell, uploads a file, comes back tomorrow.

Written once for every browser, and for a machine on the loopback as well as for one of a class.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from tests.support.browsers import DESKTOP, Window, window
from tests.support.webmail import webmail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 50 * 1024 * 1024
READY = "document.querySelector('.jp-DirListing-content') && document.querySelector('.jp-Launcher, .jp-Notebook')"
"""JupyterLab shows a folder, and something to work with beside it."""
CLICKS_S = (20, 60, 100)
"""How long a cell is waited for after each click on "Run": the first may come before the notebook listens."""
XSRF = "document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)[1]"


@dataclass(frozen=True)
class Figures:
    """How long a student waits, in seconds."""

    click_to_lab: float
    upload: float
    """Of 50 MB."""
    back_in: float
    """To the lab of a browser that was started again, without the link."""

    def keep(self, record: Callable[[str, object], None]) -> None:
        """Have them in the JUnit file, by `record_property`: of a test that passes nothing else is shown."""
        for name, seconds in asdict(self).items():
            record(f"{name}_s", round(seconds, 2))


def labelled(selector: str, text: str) -> str:
    """Return what finds the element with this text, in JavaScript."""
    return f"[...document.querySelectorAll({selector!r})].find(e => e.textContent.trim() === {text!r})"


def click_the_link(browser: Window, link: str) -> float:
    """Click the link in webmail; return how many seconds later the lab is ready."""
    with webmail(link) as letter:
        browser.go(letter)
        began = time.monotonic()
        browser.press("document.querySelector('a')")
        return wait_for_lab(browser, began)


def wait_for_lab(browser: Window, began: float) -> float:
    """Wait until the lab is ready; return how many seconds that is after the moment `began`."""
    browser.wait_for(f"!!({READY})")
    return time.monotonic() - began


def run_a_cell(browser: Window) -> str:
    """Begin a notebook, type a line, run it, and see what it says; return what the notebook is called."""
    browser.go(urljoin(browser.url, "/lab?reset"))  # without what was open in another browser
    wait_for_lab(browser, time.monotonic())
    browser.press("document.querySelector('.jp-LauncherCard[data-category=Notebook]')")
    browser.press("document.querySelector('.jp-Notebook .cm-content')")
    browser.type("print(6 * 7)")
    browser.wait_for("!!document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')")
    for seconds in CLICKS_S:
        browser.press("document.querySelector('.jp-Notebook .cm-content')")
        browser.press("document.querySelector('.jp-NotebookPanel-toolbar [data-jp-item-name=run] jp-button')")
        with suppress(AssertionError):
            browser.wait_for(f"!!({labelled('.jp-OutputArea-output pre', '42')})", seconds)
            return browser.url.rpartition("/")[2]
    raise AssertionError("the cell did not run")


def upload(browser: Window, file: Path) -> float:
    """Upload a file with the button of the lab; return how many seconds that took, until it was whole."""
    began = time.monotonic()
    browser.choose("document.querySelector('[title=\"Upload Files\"]')", file)
    browser.press(labelled(".jp-Dialog button", "Upload"))  # it asks first, of a large one
    size = f"fetch('/api/contents/{file.name}?content=0').then(a => a.ok ? a.json() : {{}}).then(found => found.size)"
    browser.wait_for(f"{size}.then(size => size === {file.stat().st_size})")
    return time.monotonic() - began


def sha256_of(browser: Window, name: str) -> str:
    """Download a file into the page; return the digest of what came."""
    return str(
        browser.evaluate(
            f"fetch('/files/{name}').then(answer => answer.arrayBuffer())"
            ".then(bytes => crypto.subtle.digest('SHA-256', bytes))"
            ".then(digest => [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join(''))"
        )
    )


def tidy_up(browser: Window, *names: str) -> None:
    """Delete files and end kernels, so that no test of later finds them."""
    options = f"{{method: 'DELETE', headers: {{'X-XSRFToken': {XSRF}}}}}"
    kernels = [
        f"/api/kernels/{kernel['id']}" for kernel in browser.evaluate("fetch('/api/kernels').then(a => a.json())")
    ]
    for path in (*kernels, *(f"/api/contents/{name}" for name in names)):
        assert browser.evaluate(f"fetch({json.dumps(path)}, {options}).then(answer => answer.status)") == 204


def every_day_work(
    name: str, link: str, token: str, authority: bytes, folder: Path, size: tuple[int, int] = DESKTOP
) -> Figures:
    """Do what a student does in a day, in a fresh browser, whose memory is in `folder`; it trusts `authority`."""
    file, digest = large_file(folder)
    with window(name, folder / "browser", size, trusted=authority) as fresh:
        to_lab = click_the_link(fresh, link)
        notebook = run_a_cell(fresh)
        uploaded = upload(fresh, file)
        assert sha256_of(fresh, file.name) == digest
        tidy_up(fresh, file.name, notebook)
        assert_nothing_leaked(fresh, link, token)
    with window(name, folder / "browser", size) as again:
        began = time.monotonic()
        again.go(urljoin(link, "/lab"))
        return Figures(to_lab, uploaded, wait_for_lab(again, began))


def large_file(folder: Path) -> tuple[Path, str]:
    """Write a file of 50 MB; return where, and its digest."""
    path, content = folder / "fifty megabytes.bin", bytes(range(256)) * (SIZE // 256)
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def assert_nothing_leaked(browser: Window, link: str, token: str) -> None:
    """Make sure that the link's secret was in no address but the link, no Referer, and the token in none at all."""
    secret = link.rpartition("/")[2]
    sent = browser.sent()
    assert any(request.url == link for request in sent)
    assert any("/channels?" in request.url for request in sent)  # a kernel's websocket
    for request in sent:
        assert token not in request.url + request.referer
        assert secret not in request.referer
        assert request.url == link or secret not in request.url
        assert urlsplit(request.url).scheme in {"https", "wss", "data", "blob"} or request.url.startswith(
            "http://localhost:"
        )
    assert secret not in browser.url
    cookies = browser.cookies()
    assert "__Host-class" in {cookie.name for cookie in cookies}
    assert len(cookies) > 1
    assert all(cookie.secure for cookie in cookies), cookies
