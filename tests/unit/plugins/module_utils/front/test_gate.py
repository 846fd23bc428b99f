"""Who would be let in, and what is refused before anybody is."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import (
    HOSTS,
    KEYS,
    TOKENS,
    WORDS,
    GateError,
    lost,
    maps,
)

HOST = {"ada": "s001.ml101.example.com", "grace": "S002.ml101.example.com"}
SECRET = {"ada": "secret-of-the-link-of-ada", "grace": "secret-of-the-link-of-grace"}
TOKEN = {"ada": "token-of-ada", "grace": "token-of-grace", "gone": "token-of-somebody"}


def test_each_student_is_at_home_under_one_host_with_one_key() -> None:
    texts = maps(HOST, SECRET, TOKEN)
    assert texts[HOSTS] == "s001.ml101.example.com ada\ns002.ml101.example.com grace\n"
    assert texts[TOKENS] == "ada token-of-ada\ngrace token-of-grace\n"
    assert [line.split()[1] for line in texts[KEYS].splitlines()] == ["ada", "grace"]
    assert not [secret for secret in SECRET.values() if secret in texts[KEYS]]


def test_who_has_a_page_has_a_word_that_nobody_guesses() -> None:
    texts = maps(HOST, SECRET, TOKEN, {"ada": "word-of-the-machine-of-ada", "gone": "short"})
    assert texts[WORDS] == "ada d29yZC1vZi10aGUtbWFjaGluZS1vZi1hZGE=\n"
    assert maps(HOST, SECRET, TOKEN)[WORDS] == ""
    with pytest.raises(GateError, match="ada has a page, but no word of 22"):
        maps(HOST, SECRET, TOKEN, {"ada": "short"})


@pytest.mark.parametrize(
    ("hosts", "secrets", "says"),
    [
        ({"grace": "S001.ml101.example.com"}, {}, "ada, grace have one address for their browsers"),
        ({}, {"grace": SECRET["ada"]}, "Two of ada, grace have the same secret"),
        ({}, {"grace": "short"}, "grace has no link with a secret of 22"),
        ({}, {"grace": "a secret with spaces, which end a line's first word"}, "grace has no link with a secret"),
        ({"joan": "s003.ml101.example.com"}, {}, "joan has no link with a secret"),
        ({"joan": "s003.ml101.example.com"}, {"joan": "secret-of-the-link-of-joan"}, "joan has no token"),
    ],
)
def test_students_who_would_meet_are_refused(hosts: dict[str, str], secrets: dict[str, str], says: str) -> None:
    with pytest.raises(GateError, match=says) as refused:
        maps(HOST | hosts, SECRET | secrets, TOKEN)
    assert not [secret for secret in (SECRET | secrets).values() if secret in str(refused.value)]


def test_a_key_that_went_is_noticed() -> None:
    assert lost("A ada\nB grace\n", "A ada\n")
    assert lost("A ada\n", "C ada\n")
    assert not lost("A ada\n", "A ada\nB grace\n")
    assert not lost("", "A ada\n")
