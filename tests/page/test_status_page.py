"""The page of a class in a real browser: everybody can read it, and it follows the class until it is told not to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.laptop import browser
from tests.support.status_class import NOW, StatusClass, six_kinds_of_trouble
from tools import PROJECT

BUILD = PROJECT / "build"
OPENS_WITHIN_S = 1
PAUSED = "#paused"
"""Added to its address it does not reload while it is looked at."""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as window:
        yield window


@pytest.fixture
def made(tmp_path: Path) -> StatusClass:
    return six_kinds_of_trouble(tmp_path)[0]


def write(made: StatusClass) -> str:
    """Write the page; return where a browser finds it."""
    file = made.state / "status.html"
    file.write_text(made.page())
    return file.as_uri()


def found_by_axe(page: Page) -> list[Any]:
    """Return the rules that the page breaks, however lightly, and where."""
    return [
        (broken["id"], broken["impact"], [node["html"] for node in broken["nodes"]])
        for broken in Axe().run(page).response["violations"]
    ]


@pytest.mark.parametrize("https", [False, True], ids=["ssh", "https"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(page: Page, made: StatusClass, scheme: Any, https: Any) -> None:
    if https:
        made.open_https()
        made.refuse_certificate("student07", "too many certificates (5) already issued")
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{write(made)}{PAUSED}")
    assert page.get_by_role("columnheader", name="Certificate").count() == https
    assert found_by_axe(page) == []


def test_axe_would_find_what_is_wrong(page: Page, made: StatusClass) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{write(made)}{PAUSED}")
    page.evaluate("document.querySelector('h1').style.color = '#eee'; document.documentElement.lang = ''")
    assert {rule for rule, _, _ in found_by_axe(page)} == {"color-contrast", "html-has-lang"}


@pytest.mark.parametrize("width", [1440, 820, 390], ids=["desktop", "tablet", "phone"])
def test_it_fits_into_any_window(page: Page, made: StatusClass, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(write(made))
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # the table scrolls within its frame


def test_it_opens_at_once(page: Page, made: StatusClass) -> None:
    """Reading, laying out and the script; in time on a processor, since the machine may do other things beside."""
    browser_itself = page.context.new_cdp_session(page)
    browser_itself.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked() -> float:
        metrics = browser_itself.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")

    page.goto("about:blank")
    before = worked()
    page.goto(write(made))
    assert page.get_by_role("row").count() == 41
    assert 0 < worked() - before < OPENS_WITHIN_S


def test_it_follows_the_class_until_it_is_paused(page: Page, made: StatusClass) -> None:
    page.clock.install(time=NOW)
    page.goto(write(made))
    trouble = page.get_by_role("heading", name="Jupyter is silent")
    expect(trouble).to_have_count(1)
    expect(page.locator("#age")).to_have_text(re.compile(r"^, \d+ (?:s|min) ago$"))
    made.seen("student14")["answering"] = {"student14": True}
    write(made)
    page.clock.run_for(40_000)
    expect(trouble).to_have_count(0)
    button = page.get_by_role("button", name="Pause reloading")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    made.seen("student14")["answering"] = {"student14": False}
    write(made)
    page.clock.run_for(20 * 60_000)
    expect(trouble).to_have_count(0)
    expect(page.locator("#age")).to_have_text(re.compile(r"^, 2\d min ago: run status.yml again$"))
    page.reload()  # by hand: it shows what is new, and stays paused
    expect(trouble).to_have_count(1)
    expect(button).to_have_attribute("aria-pressed", "true")


def test_paper_shows_all_columns(page: Page, made: StatusClass) -> None:
    made.open_https()
    made.refuse_certificate("student07", "too many certificates (5) already issued", until=NOW)
    page.set_viewport_size({"width": 1047, "height": 718})  # A4 on its side, within its margins, at 96 dots an inch
    page.goto(write(made))
    page.emulate_media(media="print", color_scheme="dark")
    try:
        expect(page.get_by_text("'too many certificates (5) already issued', since 02 Mar 07:00 UTC.")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Certificate")).to_be_visible()
        assert page.evaluate("document.querySelector('table').scrollWidth") <= 1047
        expect(page.get_by_role("button")).to_have_count(0)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        page.emulate_media(media="screen", color_scheme="light")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_who_is_in_trouble_stands_on_top(page: Page, tmp_path: Path, scheme: Any) -> None:
    """The picture of it in light is docs/images/status-page.png; look at both before it is renewed."""
    made, worst = six_kinds_of_trouble(tmp_path)
    made.open_https()
    file = Path(tmp_path / "status.html")
    file.write_text(made.page().replace(str(made.state), "~/.machine_learning_aws/ml101"))
    page.clock.install(time=NOW + timedelta(minutes=1))
    page.set_viewport_size({"width": 1600, "height": 1200})
    page.emulate_media(color_scheme=scheme)
    page.goto(file.as_uri())
    titles = [trouble.title for trouble in made.troubles()]
    headings = page.get_by_role("heading").all_inner_texts()
    assert headings == ["ml101", "In trouble", *titles[:6], "Not urgent", *titles[6:], "Everybody"]
    assert [words.split()[0] for words in page.locator(".troubles strong").all_inner_texts()][:6] == worst
    rows = page.locator("tbody tr")
    assert rows.locator("th:nth-child(2)").all_inner_texts()[:7] == [*worst, "student01"]
    assert rows.locator("td:nth-child(3)").all_inner_texts()[:7] == [*titles[:6], ""]
    BUILD.mkdir(exist_ok=True)
    page.screenshot(path=BUILD / f"status-page-{scheme}.png")
