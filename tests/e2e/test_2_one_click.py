"""What a student does who has the letter and a browser: no terminal, no tunnel, a click on the link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.layout import ACME_ROOT
from tests.support.browsers import DESKTOP, NAMES, TABLET, window
from tests.support.commands import mails, on_machine
from tests.support.letter import https_link, read_letter
from tests.support.student import click_the_link, every_day_work, run_a_cell, tidy_up

DAY = [("chromium", DESKTOP), ("firefox", TABLET), ("chromium", TABLET), ("firefox", DESKTOP)]
# With each browser and each size once, all is said; the other two pairs are for `make test-all`.
CHOSEN = [
    pytest.param(number, id=f"{name}-{size[0]}", marks=[pytest.mark.long] if number > 1 else [])
    for number, (name, size) in enumerate(DAY)
]


@pytest.mark.parametrize("number", CHOSEN)
def test_a_click_in_webmail_leads_to_the_lab_and_a_file_of_50_mb_into_it(
    number: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    name, size = DAY[number]
    letter, link = read_letter(mails()[number]), https_link(mails()[number])
    every_day_work(name, link, letter.token, ACME_ROOT.read_bytes(), tmp_path, size).keep(record_property)
    logged = on_machine(letter.seat, "journalctl --no-pager")
    assert "haproxy" in logged
    assert letter.token not in logged
    assert link.rpartition("/")[2] not in logged


def test_two_browsers_at_once(tmp_path: Path) -> None:
    link, trusted = https_link(mails()[0]), ACME_ROOT.read_bytes()
    with (
        window(NAMES[0], tmp_path / "one", trusted=trusted) as one,
        window(NAMES[1], tmp_path / "other", trusted=trusted) as other,
    ):
        for browser in (one, other):
            click_the_link(browser, link)
        for browser in (one, other):
            tidy_up(browser, run_a_cell(browser))
