"""What stands in a stable page."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.bucket import is_name, new_name
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import (
    Page,
    PageError,
    etag,
    give_pages,
    new_page,
    pages_of,
    stable_link,
)

TEMPLATE = "<p>Off</p><script>WAY</script>"


def test_it_knows_one_way_and_what_it_knows_ends_no_script() -> None:
    page = Page("address", "</script><script>alert()", "S001.Example.org", "secret")
    text = page.content(TEMPLATE).decode()
    assert text.count("<script>") == text.count("</script>") == 1
    assert '"host": "s001.example.org"' in text
    assert "address" not in text


@pytest.mark.parametrize("template", ["<p>Off</p>", TEMPLATE * 2])
def test_a_template_has_one_place_for_the_way(template: str) -> None:
    with pytest.raises(PageError, match="just one place"):
        Page("address", "word").content(template)


def test_two_pages_have_nothing_in_common() -> None:
    words = [word for _ in range(2) for word in new_page().values()]
    assert len(set(words)) == 4
    assert all(len(word) >= 32 and not word.startswith("robots") for word in words)


def test_each_student_gets_a_page_once_and_nobody_else_changes() -> None:
    kept = {"ada@example.com": {"username": "ada"}, "left@example.com": {"username": "left"}}
    students = [{"email": "Ada@example.com", "username": "ada"}]
    assert give_pages(kept, students)
    assert kept["left@example.com"] == {"username": "left"}
    ada = dict(kept["ada@example.com"])
    assert ada.keys() == {"username", "page", "page_word"}
    assert not give_pages(kept, students)
    assert kept["ada@example.com"] == ada
    assert stable_link("https://b.s3.example.com", ada) == f"https://b.s3.example.com/{ada['page']}"
    assert stable_link("", ada) == stable_link("https://b.s3.example.com", kept["left@example.com"]) == ""


def test_a_page_leads_to_the_link_if_there_is_one() -> None:
    ada = {"page": "a", "page_word": "b", "link_host": "192.0.2.1", "link_secret": "c", "password": "never"}
    grace = {"page": "d", "page_word": "e"}
    found = pages_of({"ada": ada, "grace": grace, "left": {"password": "never"}})
    assert [Page(**page) for page in found] == [Page("a", "b", "192.0.2.1", "c"), Page("d", "e", "", "")]


def test_s3_knows_a_content_by_its_md5() -> None:
    assert etag(b"") == '"d41d8cd98f00b204e9800998ecf8427e"'


@pytest.mark.parametrize("class_name", ["ml101", "ML-101_Fall", "x" * 60, "-ml-"])
def test_a_bucket_has_a_name_that_s3_takes_and_nobody_guesses(class_name: str) -> None:
    name = new_name(class_name)
    assert is_name(name)
    assert len(name) <= 63
    assert name[0].isalnum()
    assert new_name(class_name) != name


@pytest.mark.parametrize("name", ["ml101-pages", "ml101-pages-0123456789ABCDEF", "pages-0123456789abcdef"])
def test_other_buckets_are_not_ours(name: str) -> None:
    assert not is_name(name)
