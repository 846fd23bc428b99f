"""Which servers are silent: what counts as an answer, and for how long it is waited for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.silent_servers import (
    ask_web,
    data_questions,
    mail_questions,
    silent,
)

from tests.support.mail_server import MailServer
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from pathlib import Path


def test_all_are_asked_at_once_and_who_is_slow_is_silent() -> None:
    stay = threading.Event()
    meet = threading.Barrier(3, timeout=10)

    def answer(words: str) -> str:
        meet.wait()
        return words

    def never() -> str:
        meet.wait()
        stay.wait()
        return ""

    began = time.monotonic()
    said = silent({"a": lambda: answer(""), "b": lambda: answer("it is ill"), "c": never}, wait_s=0.5)
    assert said == {"b": "it is ill", "c": "it did not answer within 0.5 s"}
    assert 0.4 < time.monotonic() - began < 5
    stay.set()
    assert silent({}) == {}


def test_each_server_is_asked_for_its_first_data_set_or_the_mirror_in_their_place() -> None:
    urls = ["https://a.example/1.csv", "https://a.example/2.csv", "http://a.example:8080/3.csv"]
    assert list(data_questions(urls, "")) == ["the data server a.example", "the data server a.example:8080"]
    assert list(data_questions(urls, "http://m.example/x")) == ["class_mirror_url m.example"]
    assert mail_questions("", 587, "starttls", "") == {}
    assert list(mail_questions("smtp.example", 587, "starttls", "")) == ["the mail server smtp.example"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, ""), (302, ""), (404, ""), (405, ""), (501, ""), (503, "it answers with 503 (Service Unavailable)")],
)
def test_whatever_a_server_says_is_an_answer_unless_it_is_down(status: int, said: str) -> None:
    with web_server(status) as (address, asked):
        assert ask_web(f"{address}/a b.csv") == said
    assert asked == ["HEAD /a%20b.csv"]


def test_what_is_no_address_or_speaks_no_http_is_named() -> None:
    assert ask_web("ftp://example.com/x").startswith("its address must begin with https:// or http://")
    with web_server(200) as (address, _):
        assert ask_web(address.replace("http:", "https:")).startswith("it does not answer: [SSL")


def test_a_mail_server_has_to_prove_who_it_is_and_nobody_logs_in(tmp_path: Path) -> None:
    server = MailServer(tmp_path / "server", logins={"class": "secret"})
    try:
        (known,) = mail_questions("127.0.0.1", server.port, "starttls", str(server.ca_file)).values()
        (unknown,) = mail_questions("127.0.0.1", server.port, "starttls", "").values()
        assert known() == ""
        assert "did not prove that it is 127.0.0.1" in unknown()
    finally:
        server.close()
    assert server.seen == []
    assert "does not answer" in known()
