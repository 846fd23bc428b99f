"""Stable links on real hosts: the link of the first letter leads in for as long as there is a class.

The tests go through a term in their order. What a stranger at the old address gets is in tests/front/test_pages.py.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from lab.layout import ACME_ROOT
from tests.support.class_machines import refuse_a_lab_that_is_up, running
from tests.support.commands import TEARDOWN, bring_lab_up, command, mails
from tests.support.lab_course import Course
from tests.support.laptop import CHROMIUM, QUIET, SECONDS
from tests.support.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

SEAT = "ml101-001"
OFF = "Your machine is off"
SECRETS = ("page", "page_word", "link_secret")
# All that a machine has logged, without what no terminal shows.
LOGGED = r"""
{ journalctl --no-pager; find /var/log -type f ! -path '*/journal/*' -exec cat {} +; } | LC_ALL=C tr -cd '[:print:]\n'
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Ada's class, which has stable links from its first day."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("course"), {"class_access": ["https", "ssh"], "class_stable_links": True})
    made.write_roster(["ada"])
    try:
        bring_lab_up()
        made.play("provision.yml configure.yml")
        yield made
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture(scope="module")
def first_link(course: Course) -> str:
    """Return the link of the first letter."""
    assert course.state.exists()
    return link_of_newest_letter()


def link_of_newest_letter() -> str:
    """Return the first link of the letter that came last."""
    body = message_from_bytes(mails()[-1].read_bytes(), policy=default).get_body(preferencelist=("plain",))
    assert body is not None
    (link,) = re.findall(r"^(https?://\S+-pages-[0-9a-f]{16}\S*/[0-9a-f]{40})$", body.get_content(), re.MULTILINE)
    return str(link)


@contextmanager
def fresh_browser() -> Iterator[Page]:
    """Open a window of a browser that knows nothing but whom the lab's authority has certified."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, chromium_sandbox=os.geteuid() != 0, args=QUIET
        )
        # Playwright takes no authority of one's own; who is asked must prove the page's word all the same.
        page = chromium.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(SECONDS * 1000)
        yield page
        chromium.close()


def leads_in(link: str) -> str:
    """Open the link; return the address bar's, once JupyterLab shows its files there."""
    with fresh_browser() as page:
        page.goto(link)
        expect(page.locator(".jp-DirListing-itemText").first).to_be_visible(timeout=SECONDS * 1000)
        return page.url


def says_off(link: str) -> None:
    """Open the link, and wait for the page to say that there is nobody."""
    with fresh_browser() as page:
        page.goto(link)
        expect(page.get_by_role("heading", name=OFF)).to_be_visible(timeout=SECONDS * 1000)
        assert page.url == link


def credential(course: Course) -> dict[str, Any]:
    """Return what is kept of ada."""
    (found,) = json.loads((course.state / "credentials.json").read_text()).values()
    return dict(found)


def status(url: str) -> int:
    """Return what S3 answers to everybody."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - the lab's S3
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.timeout(600)
def test_the_first_letter_s_link_leads_in_and_a_second_run_changes_nothing(course: Course, first_link: str) -> None:
    assert leads_in(first_link).startswith(f"https://{running()[SEAT]}/lab")
    letters = len(mails())
    assert "changed=0" in course.play("configure.yml")
    assert (len(mails()), leads_in(first_link).startswith("https://")) == (letters, True)


@pytest.mark.timeout(900)
def test_a_machine_that_is_off_is_said_to_be(course: Course, first_link: str) -> None:
    course.play("stop.yml")
    says_off(first_link)


@pytest.mark.timeout(900)
def test_after_the_start_the_same_link_leads_to_the_new_address_with_a_new_secret(
    course: Course, first_link: str
) -> None:
    before = credential(course)
    course.play("start.yml")
    now = credential(course)
    assert now["link_host"] == running()[SEAT] != before["link_host"]
    assert now["link_secret"] != before["link_secret"]
    assert (now["page"], now["page_word"]) == (before["page"], before["page_word"])
    assert leads_in(first_link).startswith(f"https://{running()[SEAT]}/lab")
    assert link_of_newest_letter() == first_link


@pytest.mark.timeout(1200)
def test_a_machine_that_was_replaced_is_led_to(course: Course, first_link: str) -> None:
    before = running()
    course.play("replace.yml -e student=ada")
    (address,) = running().values()
    assert address not in before.values()
    assert leads_in(first_link).startswith(f"https://{address}/lab")


@pytest.mark.timeout(600)
def test_a_page_that_leaked_is_gone_with_the_link_behind_it_and_no_log_has_either(
    course: Course, first_link: str
) -> None:
    ((seat, address),) = running().items()
    before, letters = credential(course), len(mails())
    old = f"/open/{before['link_secret']}"
    assert Visitor(address, ACME_ROOT).ask(old).status == 303
    course.play("link.yml -e student=ada")
    now = credential(course)
    assert [key for key in SECRETS if now[key] == before[key]] == []
    assert status(first_link) in (403, 404)
    assert Visitor(address, ACME_ROOT).ask(old).status == 403
    assert len(mails()) == letters + 1
    assert leads_in(link_of_newest_letter()).startswith(f"https://{address}/lab")
    logged = course.on(seat, LOGGED)
    assert " ada GET 303 " in logged  # who comes is logged, but not with which link
    assert [key for key in SECRETS for kept in (before, now) if kept[key] in logged] == []


@pytest.mark.timeout(900)
def test_a_teardown_leaves_no_page(course: Course) -> None:
    link = link_of_newest_letter()
    assert status(link) == 200
    course.play(TEARDOWN)
    assert status(link) in (403, 404)
    assert not (course.state / "pages.json").exists()
