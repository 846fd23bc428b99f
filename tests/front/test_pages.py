"""A stable page in students' browsers: it leads to the student's machine, and to nobody who merely has its old address.

Whether everybody can read it is in test_own_pages.py.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import Page

from lab.authority import Authority
from tests.support.browsers import NAMES, Window, window
from tests.support.front import HOST, SECRETS, WORDS, Front, free_port
from tests.support.pages import Bucket, Stranger, template
from tests.support.webmail import webmail
from tools import PROJECT

pytestmark = pytest.mark.timeout(600)

ADDRESS = "made-up-address-of-adas-page"
QUESTION = "/.well-known/class-front/"
CHECK = "if (!await proves(way)) return false;"
OFF, STARTING = "Your machine is off", "Jupyter is starting"
# Whom the browsers trust: a stranger has a certificate of it, too.
AUTHORITY = Authority()
TOSSED = "session=of-the-machine"


@pytest.fixture(scope="module", params=NAMES)
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """Open a browser that has never been here."""
    folder = tmp_path_factory.mktemp(request.param)
    with window(request.param, folder, trusted=AUTHORITY.certificate) as opened:
        yield opened


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """Serve pages."""
    with Bucket().running() as serving:
        yield serving


def front_of(folder: Path, bucket: Bucket, words: dict[str, str] = WORDS) -> Front:
    """Return a machine's front that knows the class's pages."""
    return Front(folder, pages=bucket.origin, words=words, authority=AUTHORITY)


def ada(host: str) -> Page:
    """Return the page of ada, whose machine is at `host`."""
    return Page(ADDRESS, WORDS["ada"], host, SECRETS["ada"])


def click(browser: Window, bucket: Bucket) -> int:
    """Click on ada's stable link in webmail; return how many pages were behind the browser's Back until then."""
    with webmail(f"{bucket.origin}/{ADDRESS}") as letter:
        browser.go(letter)
        behind = int(browser.evaluate("history.length"))
        browser.press("document.querySelector('a')")
        browser.wait_for("document.title !== 'Inbox'")
    return behind


def shows(browser: Window, heading: str) -> None:
    """Wait until the page has this heading, for all to see."""
    seen = "[...document.querySelectorAll('h1')].filter(each => each.getClientRects().length)"
    browser.wait_for(f"{seen}.some(each => each.textContent === {json.dumps(heading)})")


def test_a_machine_that_is_on_is_led_to_and_the_page_leaves_no_trace(
    browser: Window, bucket: Bucket, tmp_path: Path
) -> None:
    with front_of(tmp_path, bucket).running() as front:
        bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
        behind = click(browser, bucket)
        shows(browser, STARTING)
        assert browser.url == f"https://{front.hosts['ada']}/lab"
        assert [cookie.name for cookie in browser.cookies()] == ["__Host-class"]
        assert browser.evaluate("document.referrer") == ""
        # Back leads to what was there before the page.
        assert browser.evaluate("history.length") == behind + 1
        sent = browser.sent()
        assert any(each.url == f"https://{front.hosts['ada']}/open/{SECRETS['ada']}" for each in sent)
        for secret in (ADDRESS, WORDS["ada"], SECRETS["ada"]):
            assert not [each for each in sent if secret in each.referer]
            assert secret not in front.log
        assert {each.url for each in sent if ADDRESS in each.url} == {f"{bucket.origin}/{ADDRESS}"}


def test_a_machine_that_is_off_is_said_to_be_and_led_to_once_it_is_on_elsewhere(
    browser: Window, bucket: Bucket, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bucket.pages[ADDRESS] = ada(f"{HOST}:{free_port()}").content(template())
    click(browser, bucket)
    shows(browser, OFF)
    (PROJECT / "build").mkdir(exist_ok=True)
    browser.screenshot(PROJECT / "build" / f"page-off-{request.node.callspec.params['browser']}.png")
    assert browser.evaluate("document.querySelector('#off a').getAttribute('href')") == "mailto:ml101@example.edu"
    assert browser.url == f"{bucket.origin}/{ADDRESS}"
    with front_of(tmp_path, bucket).running() as front:
        bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
        browser.press("document.querySelector('button')")
        shows(browser, STARTING)


# It takes ten seconds, so once is enough for `make test`.
@pytest.mark.parametrize("browser", ["chromium", pytest.param("firefox", marks=pytest.mark.long)], indirect=True)
def test_without_a_click_it_looks_again_by_itself(browser: Window, bucket: Bucket, tmp_path: Path) -> None:
    front = front_of(tmp_path, bucket)
    bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
    click(browser, bucket)
    shows(browser, OFF)
    with front.running():
        shows(browser, STARTING)


def test_a_student_who_has_no_machine_yet_is_told_that_it_is_off(browser: Window, bucket: Bucket) -> None:
    bucket.pages[ADDRESS] = Page(ADDRESS, WORDS["ada"]).content(template())
    click(browser, bucket)
    shows(browser, OFF)


def relayed(front: Front, origin: str) -> Callable[[str], str]:
    """Say what ada's machine, which is on elsewhere by now, answers to the same question."""
    return lambda path: front.ask(path, {"Origin": origin}).body if path.startswith(QUESTION) else ""


def heard_before(front: Front, origin: str) -> Callable[[str], str]:
    """Say what ada's machine answered to a question of the stranger's own."""
    said = front.ask(f"{QUESTION}{'0' * 32}", {"Origin": origin})
    assert said.status == 200
    return lambda _: said.body


def guessed(_: Front, __: str) -> Callable[[str], str]:
    """Answer as who has a word of their own does."""
    return lambda path: hmac.new(b"a word of the stranger's", path.encode(), hashlib.sha256).hexdigest()


def was_there_before(browser: Window, stranger: Stranger) -> None:
    """Let the browser have a cookie for the address, which comes with whatever is not told to leave it."""
    browser.go(f"https://{stranger.host}/")
    browser.evaluate(f"document.cookie = '{TOSSED}; Secure; SameSite=None'")
    stranger.got.clear()


@pytest.mark.attack
@pytest.mark.parametrize("says", [relayed, heard_before, guessed])
def test_a_stranger_at_the_old_address_gets_nothing_but_a_question(
    browser: Window, bucket: Bucket, tmp_path: Path, says: Callable[[Front, str], Callable[[str], str]]
) -> None:
    with (
        front_of(tmp_path, bucket).running() as front,
        Stranger(says(front, bucket.origin), AUTHORITY).running() as stranger,
    ):
        was_there_before(browser, stranger)
        bucket.pages[ADDRESS] = ada(stranger.host).content(template())
        click(browser, bucket)
        shows(browser, OFF)
        assert browser.url == f"{bucket.origin}/{ADDRESS}"
        # Firefox may still ask for the picture of the visit before, and brings all cookies of the address with it.
        asked = [(path, headers) for path, headers in stranger.got if path != "/favicon.ico"]
        assert asked
        for path, headers in asked:
            assert path.startswith(QUESTION)
            assert {"cookie", "referer", "authorization"}.isdisjoint(headers)
        assert not [secret for secret in (SECRETS["ada"], WORDS["ada"], ADDRESS) if secret in str(asked)]


@pytest.mark.attack
def test_without_the_check_the_stranger_would_get_the_secret(browser: Window, bucket: Bucket) -> None:
    """The control of the test above."""
    careless = template().replace(CHECK, "")
    assert careless != template()
    with Stranger(lambda _: "whatever", AUTHORITY).running() as stranger:
        was_there_before(browser, stranger)
        bucket.pages[ADDRESS] = ada(stranger.host).content(careless)
        click(browser, bucket)
        browser.wait_for(f"location.href === 'https://{stranger.host}/open/{SECRETS['ada']}'")
        ((path, headers),) = [each for each in stranger.got if each[0].startswith("/open/")]
        assert path == f"/open/{SECRETS['ada']}"
        assert TOSSED in headers["cookie"]


@pytest.mark.attack
def test_another_students_machine_is_not_ones_own(browser: Window, bucket: Bucket, tmp_path: Path) -> None:
    with front_of(tmp_path, bucket, {"ada": "word-of-somebody-elses-machine"}).running() as front:
        bucket.pages[ADDRESS] = ada(front.hosts["ada"]).content(template())
        click(browser, bucket)
        shows(browser, OFF)
        assert " ada GET 303 " not in front.log
