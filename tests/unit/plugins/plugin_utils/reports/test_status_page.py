"""The page of a class: what is on it, and what is not."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.support.status_class import NOW, StatusClass, six_kinds_of_trouble


def rows_of(page: str) -> list[list[str]]:
    """Return the cells of the table's rows, which are well-formed XML."""
    table = page[page.index("<table>") : page.index("</table>") + len("</table>")]
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(table).iter("tr")]


def test_who_is_in_trouble_is_on_top(tmp_path: Path) -> None:
    made, worst = six_kinds_of_trouble(tmp_path)
    page = made.page()
    heading, *rows = rows_of(page)
    assert heading[:4] == ["Seat", "Student", "Trouble", "State"]
    assert len(rows) == 40
    assert [row[1] for row in rows if row[2]] == worst == [row[1] for row in rows[:6]]
    assert rows[3][2] == "Memory was not enough"
    commands = re.findall("<code>(.*?)</code>", page)
    assert commands[2] == "ansible-playbook configure.yml --limit ml101-014"
    assert len(commands) == 8


def test_there_is_no_secret_no_address_of_a_person_and_nothing_to_fetch(tmp_path: Path) -> None:
    made, _ = six_kinds_of_trouble(tmp_path)
    page = made.page()
    for account in made.accounts.values():
        for fact in ("password", "password_hash", "token", "email"):
            assert account[fact] not in page
    assert not re.search(r"https?:|\bsrc=|\bhref=|url\(|@import", page)


def test_it_is_small(tmp_path: Path) -> None:
    made, _ = six_kinds_of_trouble(tmp_path)
    assert len(made.page().encode()) < 25_000
    (tmp_path / "large").mkdir()
    assert len(StatusClass(tmp_path / "large", size=400).page().encode()) < 150_000


def test_what_a_machine_says_is_text(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=2)
    made.instances["student01"]["tags"]["Name"] = "<script>alert(1)</script>"
    page = made.page()
    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(1)" in page


def test_it_says_when_it_was_made_and_that_all_is_well(tmp_path: Path) -> None:
    page = StatusClass(tmp_path, size=2).page()
    assert f'datetime="{NOW.isoformat()}"' in page
    assert "Nobody is in trouble" in page
    assert "<title>ml101</title>" in page
    assert 'http-equiv="refresh"' not in page
