"""The front as a browser meets it: Chromium, on the page of another site where somebody reads mail."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.front import PATIENCE, SECRETS, TOKENS, Front, Jupyter
from tests.support.laptop import CHROMIUM, QUIET

pytestmark = pytest.mark.timeout(600)


@contextmanager
def webmail(front: Front) -> Iterator[str]:
    """Serve a letter with the link, and an image of the machine's, at another site; yield its address."""
    ours = f"https://{front.hosts['ada']}"
    letter = (
        f'<!doctype html><a href="{ours}/open/{SECRETS["ada"]}">Your machine</a><img src="{ours}/static/logo/logo.png">'
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(letter.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start Chromium; the authority of the front's certificate is not known to it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=os.geteuid() != 0, args=QUIET
        )
        yield chromium
        chromium.close()


def width_of_image(page: Page, address: str) -> int:
    """Show an image in the page and return how wide it is; 0 if it was refused."""
    show = "address => new Promise(done => { const image = new Image(); image.onload = () => done(image.width); \
        image.onerror = () => done(0); image.src = address })"
    width: int = page.evaluate(show, address)
    return width


def test_a_click_in_webmail_waits_for_jupyter_and_gets_in_by_itself(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    with Front(tmp_path / "front").running() as front, webmail(front) as mail:
        ours, milliseconds = f"https://{front.hosts['ada']}", PATIENCE * 1000
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.set_default_timeout(milliseconds)
        page.goto(f"{ours}/lab")
        expect(page.get_by_role("heading")).to_have_text("Please use the link in your letter")
        page.goto(mail)
        page.get_by_role("link").click()
        expect(page.get_by_role("heading")).to_have_text("Jupyter is starting", timeout=milliseconds)
        assert page.url == f"{ours}/lab"
        with Jupyter(tmp_path / "jupyter", front.jupyters["ada"], TOKENS["ada"]).running():
            expect(page.get_by_role("heading", name="Jupyter is starting")).to_have_count(0, timeout=milliseconds)
            assert page.url.startswith(f"{ours}/lab")
            status = page.evaluate("async () => (await fetch('/api/contents')).status")
            assert status == 200
            assert TOKENS["ada"] not in page.url
            assert SECRETS["ada"] not in page.url + page.content()
            cookies = {cookie["name"]: cookie for cookie in context.cookies()}
            assert "__Host-class" in cookies
            assert len(cookies) > 1
            assert all(cookie["secure"] and cookie["sameSite"] == "Lax" for cookie in cookies.values()), cookies
            # What another site's page asks for is refused, though the cookie may come with it; our own gets it.
            assert width_of_image(page, "/static/favicons/favicon.ico") > 0
            elsewhere = context.new_page()
            elsewhere.goto(mail)
            assert width_of_image(elsewhere, f"{ours}/static/favicons/favicon.ico") == 0
