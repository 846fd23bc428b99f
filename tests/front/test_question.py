"""What the front says to a student's stable page that asks whether this is still the student's machine."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import pytest

from tests.support.front import PAGES, SECRETS, TOKENS, WORDS, Front

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)

NONCE = "00112233445566778899aabbccddeeff"
QUESTION = f"/.well-known/class-front/{NONCE}"
# As a browser asks for a page of another site.
FROM_PAGE = {"Origin": PAGES, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run a front; of its students only ada has a page."""
    with Front(tmp_path_factory.mktemp("front")).running() as running:
        yield running


def proof(host: str, nonce: str = NONCE) -> str:
    """Return what only who knows ada's word can say."""
    return hmac.new(WORDS["ada"].encode(), f"{nonce}@{host}".encode(), hashlib.sha256).hexdigest()


def test_the_page_is_told_so_and_no_other_page_may_read_it(front: Front) -> None:
    answer = front.ask(QUESTION, FROM_PAGE)
    assert (answer.status, answer.body.lower()) == (200, proof(front.hosts["ada"]))
    assert answer.headers["Access-Control-Allow-Origin"] == PAGES
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_answer_reveals_nothing_and_serves_for_one_question(front: Front) -> None:
    said = front.ask(QUESTION, FROM_PAGE)
    other = front.ask(QUESTION[:-1] + "0", FROM_PAGE)
    assert other.body.lower() == proof(front.hosts["ada"], NONCE[:-1] + "0")
    assert other.body != said.body
    told = str(said.headers) + said.body + front.log
    assert not [secret for secret in (WORDS["ada"], SECRETS["ada"], TOKENS["ada"], NONCE) if secret in told]


@pytest.mark.parametrize(
    ("what", "path", "headers", "method"),
    [
        ("another site's page", QUESTION, {**FROM_PAGE, "Origin": "https://evil.example.com"}, "GET"),
        ("an origin that begins as ours", QUESTION, {**FROM_PAGE, "Origin": f"{PAGES}9"}, "GET"),
        ("an address typed in", QUESTION, {}, "GET"),
        ("a form of the page's", QUESTION, FROM_PAGE, "POST"),
        ("a question of one's own choice", QUESTION + "@other.example.com", FROM_PAGE, "GET"),
        ("no question", "/.well-known/class-front/", FROM_PAGE, "GET"),
        ("the page that asks for more", "/lab", FROM_PAGE, "GET"),
        ("the page that asks for more, with the cookie", "/lab", {**FROM_PAGE, "Cookie": "COOKIE"}, "GET"),
    ],
)
def test_nobody_else_and_nothing_else_is_answered(
    front: Front, what: str, path: str, headers: dict[str, str], method: str
) -> None:
    headers = {name: value.replace("COOKIE", front.cookie()) for name, value in headers.items()}
    answer = front.ask(path, headers, method=method)
    assert answer.status == 403, what
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert proof(front.hosts["ada"]) not in answer.body.lower()


def test_a_neighbour_has_a_page_of_their_own_or_none(front: Front) -> None:
    assert front.ask(QUESTION, {**FROM_PAGE, "Host": front.hosts["grace"]}).status == 403


def test_who_has_moved_is_asked_in_vain(front: Front) -> None:
    assert front.ask(QUESTION, {**FROM_PAGE, "Host": "192.0.2.7"}).status == 421


def test_without_pages_the_path_is_as_any_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Front(tmp_path_factory.mktemp("closed"), pages="", words={}).running() as closed:
        assert closed.ask(QUESTION, FROM_PAGE).status == 403
