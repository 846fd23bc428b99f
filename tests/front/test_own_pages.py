"""What a student sees in the place of Jupyter: everybody can read it, and it is in the class's language.

So with the front's own pages, and with a stable page while the machine is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import Page as StablePage
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.support.front import HOST, OWN_PAGES, ROLE, Front, free_port
from tests.support.laptop import browser
from tests.support.pages import TEXTS, Bucket, template
from tools import PROJECT

pytestmark = pytest.mark.timeout(300)

# The page that waits loads itself again every three seconds: not while it is looked at.
STANDS_STILL = """
    const usual = window.setTimeout;
    window.setTimeout = (call, after, ...rest) => after === 3000 ? 0 : usual(call, after, ...rest);
"""
BUILD = PROJECT / "build"
PHONE, USUAL = ViewportSize(width=390, height=844), ViewportSize(width=1360, height=850)
LANGUAGES = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__front_pages"]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run a front without a Jupyter."""
    with Front(tmp_path_factory.mktemp("front")).running() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _pictures() -> None:
    """Have a folder for pictures, which are to be looked at."""
    BUILD.mkdir(exist_ok=True)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Open a window that does not ask who vouches for the front."""
    with browser() as window:
        opener = window.context.browser
        assert opener
        with opener.new_context(ignore_https_errors=True).new_page() as opened:
            opened.add_init_script(STANDS_STILL)
            yield opened


def found_by_axe(page: Page) -> list[Any]:
    """Return the rules that the page breaks, however lightly, and where."""
    return [
        (broken["id"], broken["impact"], [node["html"] for node in broken["nodes"]])
        for broken in Axe().run(page).response["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("what", "heading"), [("wrong link", "door"), ("Jupyter down", "wait")])
def test_everybody_can_read_what_the_front_says(page: Page, front: Front, what: str, heading: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    link = front.links["ada"] if what == "Jupyter down" else f"{front.links['ada']}x"
    page.goto(link)
    expect(page.get_by_role("heading")).to_have_text(LANGUAGES["en"][heading]["heading"])
    page.screenshot(path=BUILD / f"front-{what.replace(' ', '-')}-{scheme}.png")
    assert found_by_axe(page) == []


@pytest.mark.parametrize("name", OWN_PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_in_every_language_of_the_letters(page: Page, tmp_path: Path, language: str, name: str) -> None:
    front = Front(tmp_path, language=language)
    front.lay_out()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    try:
        page.goto((tmp_path / name).as_uri())
        words = LANGUAGES[language][name.partition(".")[0]]
        expect(page.get_by_role("heading")).to_have_text(words["heading"])
        assert page.get_by_role("paragraph").count() == len(words["paragraphs"])
        assert page.evaluate("document.documentElement.lang") == language
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert found_by_axe(page) == []
    finally:
        page.set_viewport_size(USUAL)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    """Serve stable pages."""
    with Bucket().running() as serving:
        yield serving


@pytest.mark.parametrize("language", TEXTS)
def test_a_stable_page_says_in_every_language_that_the_machine_is_off(
    page: Page, bucket: Bucket, language: str
) -> None:
    nobody = f"{HOST}:{free_port()}"
    for contact in ("", "ml101@example.edu"):
        content = StablePage("a", "made-up-word", nobody, "made-up-secret").content(template(language, contact))
        bucket.pages[f"{language}-{contact}"] = content
    try:
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
        page.goto(f"{bucket.origin}/{language}-")
        expect(page.get_by_role("heading")).to_have_text(TEXTS[language]["is_off"])
        assert page.evaluate("document.documentElement.lang") == language
        assert "ml101" in page.locator("main").inner_text()
        assert page.get_by_role("link").count() == 0
        page.goto(f"{bucket.origin}/{language}-ml101@example.edu")
        expect(page.get_by_role("heading")).to_have_text(TEXTS[language]["is_off"])
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=BUILD / f"page-off-{language}-{scheme}.png")
            assert found_by_axe(page) == []
    finally:
        page.set_viewport_size(USUAL)


def test_the_languages_are_those_of_the_letters() -> None:
    letters = yaml.safe_load((PROJECT / "roles/mail/vars/main.yml").read_text())["__mail_letters"]
    assert set(LANGUAGES) == set(TEXTS) == set(letters)


def test_axe_would_find_what_is_wrong(page: Page, front: Front) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{front.links['ada']}x")
    page.evaluate("document.querySelector('h1').style.color = '#eee'; document.documentElement.lang = ''")
    assert {rule for rule, _, _ in found_by_axe(page)} == {"color-contrast", "html-has-lang"}
