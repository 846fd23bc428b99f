"""Servers that are silent: said before anything costs money, without holding anything up."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.mail_server import MailServer
from tests.support.rooms import HERE
from tests.support.web_server import web_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.desk import Desk


@contextmanager
def mute_server() -> Iterator[str]:
    """Take connections and say nothing; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def list_data(desk: Desk, *addresses: str) -> None:
    """Let the class have a data set at each of these addresses."""
    entries = [
        f'  - name: set{number}\n    url: {address}/set{number}.csv\n    sha256: "{number:064x}"\n'
        for number, address in enumerate(addresses, 1)
    ]
    (desk.home / "datasets.yml").write_text("datasets:\n" + "".join(entries))


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    """Return a mail server that answers."""
    server = MailServer(tmp_path / "server")
    yield server
    server.close()


def test_servers_that_answer_are_asked_once_in_a_command_and_nothing_is_said(desk: Desk, mail: MailServer) -> None:
    with web_server(404) as (address, asked):
        list_data(desk, address, address)
        shown = desk.play(f"{HERE} plan.yml provision.yml --check", **mail.settings, timeout=900)
    assert shown.code == 0, shown.text
    assert "silent:" not in shown.text
    assert asked == ["HEAD /set1.csv"]
    assert mail.connections == 1
    assert not mail.seen


@pytest.mark.parametrize("line", ["plan.yml", "provision.yml --check"])
def test_servers_that_are_silent_are_named_and_the_run_goes_on(desk: Desk, line: str) -> None:
    with mute_server() as mute, mute_server() as other, socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        list_data(desk, f"http://{mute}", f"http://{nobody}")
        settings = {"class_smtp_host": "127.0.0.1", "class_smtp_port": int(other.rpartition(":")[2])}
        shown = desk.play(f"{HERE} {line}", **settings, class_mail_from="a@example.com", timeout=900)
    assert shown.code == 0, shown.text
    said = " ".join(shown.text.split())
    assert f"From this computer the data server {mute} is silent: it does not answer: timed out. Machines" in said
    assert f"From this computer the data server {nobody} is silent: it does not answer: [Errno" in said
    assert "From this computer the mail server 127.0.0.1 is silent: it did not answer within 5 s. Letters" in said
    assert not desk.aws.made


def test_where_there_is_a_mirror_only_that_is_asked(desk: Desk) -> None:
    with web_server(404) as (address, asked), web_server(404) as (mirror, of_mirror):
        list_data(desk, address)
        assert desk.play(f"{HERE} plan.yml", class_mirror_url=f"{mirror}/for/us/", timeout=900).code == 0
    assert (asked, of_mirror) == ([], ["HEAD /for/us/"])
    shown = desk.play(f"{HERE} plan.yml", class_mirror_url=mirror, timeout=900)
    assert f"class_mirror_url {mirror.removeprefix('http://')} is silent" in " ".join(shown.text.split())


def test_all_of_them_take_five_seconds_at_most(desk: Desk) -> None:
    with mute_server() as one, mute_server() as two, mute_server() as three:
        list_data(desk, *(f"http://{address}" for address in (one, two, three)))
        spent = []
        for name in ("datasets.yml", "none.yml"):
            (desk.home / "none.yml").write_text("datasets: []\n")
            began = time.monotonic()
            assert desk.play(f"{HERE} plan.yml", class_datasets_file=str(desk.home / name), timeout=900).code == 0
            spent.append(time.monotonic() - began)
    assert spent[0] - spent[1] < 10  # three would take twelve, one after the other
