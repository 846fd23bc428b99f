"""The front as students' browsers meet it: Chromium and Firefox, which trust its authority and have never been here."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.browsers import DESKTOP, NAMES, TABLET, Window, window
from tests.support.front import HOST, TOKENS, Front, Jupyter
from tests.support.student import (
    XSRF,
    click_the_link,
    every_day_work,
    run_a_cell,
    wait_for_lab,
)
from tests.support.webmail import page_elsewhere, webmail
from tools import PROJECT

pytestmark = pytest.mark.timeout(600)
# One site, as the seats of a class have it. Browsers know that such names are this computer.
SEATS = {"ada": "ada.class.localhost", "grace": "grace.class.localhost"}
# Pictures are there to be looked at.
BUILD = PROJECT / "build"
ICON = "/static/favicons/favicon.ico"
# Where a browser says what is wrong with a certificate; Firefox, as its cards are, in a tree of its own.
WORDS_OF_THE_BROWSER = "document.querySelector('net-error-card')?.shadowRoot ?? document.body"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run a front."""
    with Front(tmp_path_factory.mktemp("front"), names=SEATS).running() as running:
        yield running


@pytest.fixture(scope="module")
def jupyter(front: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Run the Jupyter of ada behind it."""
    with Jupyter(tmp_path_factory.mktemp("jupyter"), front.jupyters["ada"], TOKENS["ada"]).running() as running:
        yield running


@pytest.mark.usefixtures("jupyter")
@pytest.mark.parametrize(
    ("name", "size"),
    [
        pytest.param("chromium", DESKTOP, id="chromium-desktop"),
        pytest.param("firefox", TABLET, id="firefox-tablet"),
        pytest.param("chromium", TABLET, id="chromium-tablet", marks=pytest.mark.long),
        pytest.param("firefox", DESKTOP, id="firefox-desktop", marks=pytest.mark.long),
    ],
)
def test_a_click_in_webmail_leads_to_the_lab_and_a_file_of_50_mb_into_it(
    front: Front,
    name: str,
    size: tuple[int, int],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    figures = every_day_work(name, front.links["ada"], TOKENS["ada"], front.authority.certificate, tmp_path, size)
    figures.keep(record_property)
    assert TOKENS["ada"] not in front.log


@pytest.mark.usefixtures("jupyter")
def test_two_browsers_at_once(front: Front, tmp_path: Path) -> None:
    with ExitStack() as stack:
        trusted = front.authority.certificate
        both = [stack.enter_context(window(name, tmp_path / name, trusted=trusted)) for name in NAMES]
        for one in both:
            click_the_link(one, front.links["ada"])
        for one in both:
            run_a_cell(one)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_waits_for_jupyter_and_gets_in_by_itself_and_so_it_does_when_jupyter_starts_anew(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "front").mkdir()
    with (
        Front(tmp_path / "front", names=SEATS).running() as front,
        window(name, tmp_path / "browser", trusted=front.authority.certificate) as browser,
        webmail(front.links["ada"]) as letter,
    ):
        browser.go(f"https://{front.hosts['ada']}/lab")
        assert browser.evaluate("document.querySelector('h1').textContent") == "Please use the link in your letter"
        BUILD.mkdir(exist_ok=True)
        browser.screenshot(BUILD / f"front-no-link-{name}.png")
        browser.go(letter)
        browser.press("document.querySelector('a')")
        waits = "document.querySelector('h1')?.textContent === 'Jupyter is starting'"
        browser.wait_for(waits)
        assert browser.url == f"https://{front.hosts['ada']}/lab"
        browser.screenshot(BUILD / f"front-starting-{name}.png")
        jupyter = Jupyter(tmp_path / "jupyter", front.jupyters["ada"], TOKENS["ada"])
        with jupyter.running():
            wait_for_lab(browser, time.monotonic())
        browser.go(f"https://{front.hosts['ada']}/lab")
        browser.wait_for(waits)
        with jupyter.running():
            wait_for_lab(browser, time.monotonic())


@pytest.mark.parametrize("name", NAMES)
def test_a_front_whose_certificate_is_over_is_told_no_secret(name: str, tmp_path: Path) -> None:
    """The browser says so itself, and asks for nothing; with a certificate that is valid it does."""
    (tmp_path / "front").mkdir()
    front = Front(tmp_path / "front")
    front.lay_out()
    valid, over = ((front.folder / "live.pem").read_bytes(), front.authority.issue([HOST], days=-2))
    (front.folder / "live.pem").write_bytes(over)
    opened = " ada GET 303 "
    with (
        front.running(),
        window(name, tmp_path / "browser", trusted=front.authority.certificate) as student,
        webmail(front.links["ada"]) as letter,
    ):
        student.go(letter)
        student.press("document.querySelector('a')")
        student.wait_for(f"document.title !== 'Inbox' && ({WORDS_OF_THE_BROWSER}).textContent.includes('{HOST}')")
        BUILD.mkdir(exist_ok=True)
        student.screenshot(BUILD / f"front-certificate-over-{name}.png")
        assert opened not in front.log
        (front.folder / "live.pem").write_bytes(valid)
        front.reload()
        student.go(letter)
        student.press("document.querySelector('a')")
        student.wait_for("document.title === 'Jupyter is starting'")
        assert opened in front.log


@contextmanager
def neighbours_machine(front: Front, html: str) -> Iterator[str]:
    """Have the neighbour's machine show a page of the neighbour's own; yield the link to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, front.jupyters["grace"]), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield front.links["grace"]
    finally:
        server.shutdown()
        server.server_close()


def width_of_image(browser: Window, address: str) -> int:
    """Show an image in the page and return how wide it is; 0 if it was refused."""
    show = (
        "new Promise(done => { const image = new Image(); image.onload = () => done(image.width);"
        f" image.onerror = () => done(0); image.src = {json.dumps(address)} }})"
    )
    return int(browser.evaluate(show))


def post(address: str, headers: str = "{}") -> str:
    """Return what has a page post something that makes a file on ada's machine; it gives the status, or what failed."""
    options = f"{{method: 'POST', credentials: 'include', headers: {headers}, body: '{{}}'}}"
    return f"fetch({json.dumps(address)}, {options}).then(answer => answer.status).catch(error => 0)"


@pytest.fixture(params=NAMES)
def victim(request: pytest.FixtureRequest, front: Front, jupyter: Jupyter, tmp_path: Path) -> Iterator[Window]:
    """Return ada's browser, which is in."""
    assert jupyter.port == front.jupyters["ada"]
    with window(request.param, tmp_path / "browser", trusted=front.authority.certificate) as browser:
        click_the_link(browser, front.links["ada"])
        yield browser


@pytest.mark.attack
def test_pages_of_others_get_nothing_out_of_a_browser_that_is_in(
    front: Front, jupyter: Jupyter, victim: Window
) -> None:
    """A stranger's page and a neighbour's, which is of the same site: what is theirs is refused, our own is not."""
    ours = f"https://{front.hosts['ada']}"
    files = len(list((jupyter.folder / "work").iterdir()))
    assert width_of_image(victim, f"{ours}{ICON}") > 0
    assert victim.evaluate(post(f"{ours}/api/contents", f"{{'X-XSRFToken': {XSRF}}}")) == 201
    assert len(list((jupyter.folder / "work").iterdir())) == files + 1
    form = f"<form method=post action='{ours}/api/contents?knock=form'><input name=a></form>"
    evil = f"<!doctype html><title>evil</title>{form}<iframe src='{ours}/lab?knock=frame'></iframe>"
    with page_elsewhere(evil) as stranger, neighbours_machine(front, evil) as neighbour:
        for page in (stranger, neighbour):
            victim.go(page)
            assert victim.evaluate("document.title") == "evil"
            assert width_of_image(victim, f"{ours}{ICON}?knock=image") == 0
            assert victim.evaluate(post(f"{ours}/api/contents?knock=post")) == 0
            victim.evaluate("document.forms[0].submit()")
            victim.wait_for(f"location.href.startsWith({json.dumps(ours)})")
            assert "the link in your letter" not in victim.evaluate("document.body.innerText")
    assert "knock=" not in jupyter.log
    assert len(list((jupyter.folder / "work").iterdir())) == files + 1


@pytest.mark.attack
def test_a_neighbour_cannot_toss_a_cookie_into_the_gate(front: Front, victim: Window) -> None:
    site = "Domain=class.localhost; Path=/; Secure"
    with neighbours_machine(front, "<!doctype html><title>evil</title>") as neighbour:
        victim.go(neighbour)
        for cookie in ("__Host-class=tossed", "plain=tossed"):
            victim.evaluate(f"document.cookie = '{cookie}; {site}'")
    victim.go(f"https://{front.hosts['ada']}/lab")
    wait_for_lab(victim, time.monotonic())
    # The control: one of another name did arrive.
    assert "plain=tossed" in victim.evaluate("document.cookie")
    assert sorted(cookie.name for cookie in victim.cookies()).count("__Host-class") == 2  # ada's, and grace's own
