"""What the front does at a boot, with a metadata service on this computer."""

from __future__ import annotations

import pwd
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front import address
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import HOSTS, KEYS, TOKENS, maps
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings

OURS, OTHER = "192.0.2.1", "192.0.2.2"
SECRET, TOKEN = "secret-of-the-link-of-ada", "token-of-ada"


@contextmanager
def metadata(said: str, busy: int = 0) -> Iterator[str]:
    """Serve as EC2 does: the address only to whoever has fetched a token; "" is a machine without one.

    The first `busy` requests are refused, as those of a machine that asks too often are, or while the service starts.
    """
    refusals = [503] * busy

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert 1 <= int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) <= 21600
            self._say(200, "the-token")

        def do_GET(self) -> None:
            allowed = self.headers["X-aws-ec2-metadata-token"] == "the-token"
            there = self.path == "/latest/meta-data/public-ipv4" and said
            self._say(401 if not allowed else 200 if there else 404, said)

        def _say(self, status: int, text: str) -> None:
            if refusals:
                status, text = refusals.pop(), "later"
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of ada, whose Jupyter has given cookies away."""
    (tmp_path / "home" / address.COOKIE_FOLDER).mkdir(parents=True)
    (tmp_path / "home" / address.COOKIE_FOLDER / address.COOKIE_SECRET).write_text("signed with this")
    monkeypatch.setattr(pwd, "getpwnam", lambda _: SimpleNamespace(pw_dir=str(tmp_path / "home")))
    return tmp_path / "home"


def front(tmp_path: Path, host: str = OURS) -> Settings:
    for name, text in maps({"ada": host}, {"ada": SECRET}, {"ada": TOKEN}).items():
        (tmp_path / name).write_text(text)
    return Settings({"ada": host}, str(tmp_path), str(tmp_path), "", "", "", "")


def is_open(tmp_path: Path, home: Path) -> bool:
    texts = {(tmp_path / name).read_text() != "" for name in (HOSTS, KEYS)}
    texts.add((home / address.COOKIE_FOLDER / address.COOKIE_SECRET).exists())
    (state,) = texts
    assert (tmp_path / TOKENS).read_text()
    return state


def test_under_the_same_address_all_stays(tmp_path: Path, home: Path) -> None:
    with metadata(OURS) as service:
        assert address.close_if_moved(front(tmp_path), service, 0) == ""
    assert is_open(tmp_path, home)


@pytest.mark.parametrize("busy", [1, 2, 3])
def test_a_metadata_service_that_is_busy_for_a_moment_closes_nothing(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, busy: int
) -> None:
    monkeypatch.setattr(address, "SECONDS_BETWEEN_QUESTIONS", 0.01)
    with metadata(OURS, busy) as service:
        assert address.close_if_moved(front(tmp_path), service, 60) == ""
    assert is_open(tmp_path, home)
    with metadata(OTHER, busy) as service:
        assert OTHER in address.close_if_moved(front(tmp_path), service, 60)


@pytest.mark.parametrize("said", [OTHER, "", f"{OURS}0"])
def test_under_another_address_nothing_opens_any_more(tmp_path: Path, home: Path, said: str) -> None:
    with metadata(said) as service:
        assert OURS in address.close_if_moved(front(tmp_path), service, 0)
    assert not is_open(tmp_path, home)


def test_where_nobody_tells_the_address_nothing_opens(tmp_path: Path, home: Path) -> None:
    assert "not known" in address.close_if_moved(front(tmp_path), "127.0.0.1:1", 0)
    assert not is_open(tmp_path, home)


def test_a_machine_with_a_name_may_have_any_address(tmp_path: Path, home: Path) -> None:
    assert address.close_if_moved(front(tmp_path, "s001.ml101.example.com"), "127.0.0.1:1", 0) == ""
    assert is_open(tmp_path, home)


def test_what_a_student_has_put_in_the_way_is_not_followed(tmp_path: Path, home: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / address.COOKIE_SECRET).write_text("of root")
    folder = home / address.COOKIE_FOLDER
    (folder / address.COOKIE_SECRET).unlink()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    address.forget_logins("ada")
    assert (elsewhere / address.COOKIE_SECRET).exists()
