"""A stable page in Chromium: it leads to the student's machine, and to nobody who merely has its old address."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import Page
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect, sync_playwright
from playwright.sync_api import Page as Tab

from tests.support.front import HOST, PATIENCE, SECRETS, WORDS, Front, free_port
from tests.support.laptop import CHROMIUM, QUIET
from tests.support.pages import Bucket, Stranger, template
from tools import PROJECT

pytestmark = pytest.mark.timeout(600)

ADDRESS = "made-up-address-of-adas-page"
CHECK = "if (!await proves(way)) return false;"
MILLISECONDS = PATIENCE * 1000
OFF, STARTING = "Your machine is off", "Jupyter is starting"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=os.geteuid() != 0, args=QUIET
        )
        yield browser
        browser.close()


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """Serve pages."""
    with Bucket().running() as serving:
        yield serving


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    """Open a tab; whoever has a certificate is believed, as a stranger's would be, too."""
    context = chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.set_default_timeout(MILLISECONDS)
    yield page
    context.close()


def ada(host: str) -> Page:
    """Return the page of ada, whose machine is at `host`."""
    return Page(ADDRESS, WORDS["ada"], host, SECRETS["ada"])


def shows(tab: Tab, heading: str) -> None:
    """Wait until the page has this heading."""
    expect(tab.get_by_role("heading", name=heading)).to_be_visible(timeout=MILLISECONDS)


def test_a_machine_that_is_on_is_led_to_and_the_page_leaves_no_trace(tab: Tab, bucket: Bucket, tmp_path: Path) -> None:
    with Front(tmp_path, pages=bucket.origin).running() as front:
        bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
        tab.goto(f"{bucket.origin}/{ADDRESS}")
        shows(tab, STARTING)
        assert tab.url == f"https://{front.hosts['ada']}/lab"
        assert [cookie["name"] for cookie in tab.context.cookies()] == ["__Host-class"]
        assert tab.evaluate("document.referrer") == ""
        # Back leads to what was there before the page.
        assert tab.evaluate("history.length") == 2


def test_a_machine_that_is_off_is_said_to_be_and_led_to_once_it_is_on_elsewhere(
    tab: Tab, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.pages[ADDRESS] = ada(f"{HOST}:{free_port()}").content(template())
    tab.goto(f"{bucket.origin}/{ADDRESS}")
    shows(tab, OFF)
    assert tab.get_by_role("link").get_attribute("href") == "mailto:ml101@example.edu"
    assert tab.url == f"{bucket.origin}/{ADDRESS}"
    with Front(tmp_path, pages=bucket.origin).running() as front:
        bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
        tab.get_by_role("button").click()
        shows(tab, STARTING)


def test_without_a_click_it_looks_again_by_itself(tab: Tab, bucket: Bucket, tmp_path: Path) -> None:
    front = Front(tmp_path, pages=bucket.origin)
    bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
    tab.goto(f"{bucket.origin}/{ADDRESS}")
    shows(tab, OFF)
    with front.running():
        shows(tab, STARTING)


def test_a_student_who_has_no_machine_yet_is_told_that_it_is_off(tab: Tab, bucket: Bucket) -> None:
    bucket.pages[ADDRESS] = Page(ADDRESS, WORDS["ada"]).content(template())
    tab.goto(f"{bucket.origin}/{ADDRESS}")
    shows(tab, OFF)


def relayed(front: Front, origin: str) -> Callable[[str], str]:
    """Say what ada's machine, which is on elsewhere by now, answers to the same question."""
    return lambda path: front.ask(path, {"Origin": origin}).body


def heard_before(front: Front, origin: str) -> Callable[[str], str]:
    """Say what ada's machine answered to a question of the stranger's own."""
    said = front.ask(f"/.well-known/class-front/{'0' * 32}", {"Origin": origin})
    assert said.status == 200
    return lambda _: said.body


def guessed(_: Front, __: str) -> Callable[[str], str]:
    """Answer as who has a word of their own does."""
    return lambda path: hmac.new(b"a word of the stranger's", path.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("says", [relayed, heard_before, guessed])
def test_a_stranger_at_the_old_address_gets_nothing_but_a_question(
    tab: Tab, bucket: Bucket, tmp_path: Path, says: Callable[[Front, str], Callable[[str], str]]
) -> None:
    with (
        Front(tmp_path, pages=bucket.origin).running() as front,
        Stranger(says(front, bucket.origin)).running() as stranger,
    ):
        tab.context.add_cookies([{"name": "session", "value": "of-the-machine", "url": f"https://{stranger.host}/"}])
        bucket.pages[ADDRESS] = ada(stranger.host).content(template())
        tab.goto(f"{bucket.origin}/{ADDRESS}")
        shows(tab, OFF)
        assert tab.url == f"{bucket.origin}/{ADDRESS}"
        ((path, headers),) = stranger.got
        assert path.startswith("/.well-known/class-front/")
        assert {"cookie", "referer", "authorization"}.isdisjoint(headers)
        everything = f"{path} {headers}"
        assert not [secret for secret in (SECRETS["ada"], WORDS["ada"], ADDRESS) if secret in everything]


def test_without_the_check_the_stranger_would_get_the_secret(tab: Tab, bucket: Bucket) -> None:
    """The control of the test above."""
    careless = template().replace(CHECK, "")
    assert careless != template()
    with Stranger(lambda _: "whatever").running() as stranger:
        bucket.pages[ADDRESS] = ada(stranger.host).content(careless)
        tab.goto(f"{bucket.origin}/{ADDRESS}")
        tab.wait_for_url(f"https://{stranger.host}/open/{SECRETS['ada']}")
        assert [path for path, _ in stranger.got if path.startswith("/open/")] == [f"/open/{SECRETS['ada']}"]


def test_another_students_machine_is_not_ones_own(tab: Tab, bucket: Bucket, tmp_path: Path) -> None:
    words = {"ada": "word-of-somebody-elses-machine"}
    with Front(tmp_path, pages=bucket.origin, words=words).running() as front:
        bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
        tab.goto(f"{bucket.origin}/{ADDRESS}")
        shows(tab, OFF)
        assert "/open/" not in tab.url


@pytest.mark.parametrize(
    ("language", "heading"),
    [("de", "Ihr Rechner ist aus"), ("es", "Su máquina está apagada"), ("fr", "Votre machine est éteinte")],
)
def test_it_speaks_the_language_of_the_class(tab: Tab, bucket: Bucket, language: str, heading: str) -> None:
    bucket.pages[ADDRESS] = ada(f"{HOST}:{free_port()}").content(template(language, contact=""))
    tab.goto(f"{bucket.origin}/{ADDRESS}")
    shows(tab, heading)
    assert tab.evaluate("document.documentElement.lang") == language
    assert "ml101" in tab.locator("main").inner_text()
    assert tab.get_by_role("link").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_in_light_and_dark(tab: Tab, bucket: Bucket, scheme: str) -> None:
    bucket.pages[ADDRESS] = replace(ada(""), word="another-word-of-the-machine").content(template())
    tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    tab.goto(f"{bucket.origin}/{ADDRESS}")
    shows(tab, OFF)
    (PROJECT / "build").mkdir(exist_ok=True)
    tab.screenshot(path=PROJECT / "build" / f"page-off-{scheme}.png")
    assert Axe().run(tab).response["violations"] == []
