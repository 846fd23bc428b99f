"""Copies of the histories in a private repository elsewhere."""

from __future__ import annotations

import ssl
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import remote as remote_module

from tests.support.machine_and_home import Way

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Return an empty repository."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "remote.git")], check=True)
    return tmp_path / "remote.git"


def test_each_history_gets_a_branch_and_only_news_are_pushed(way: Way, remote: Path) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    stranger = Way(way.base / "other", username="bob", email="bob@example.org", class_name="ml102")
    stranger.home = way.home
    (stranger.machine / "b").write_text("b")
    stranger.collect()
    assert remote_module.push(str(way.home), "ml101", str(remote), check_mode=True).pushed == ["ada"]
    assert remote_module.push(str(way.home), "ml101", f"file://{remote}").pushed == ["ada"]
    assert remote_module.push(str(way.home), "ml101", str(remote)).unchanged == ["ada"]
    (way.machine / "a").write_text("two")
    way.collect()
    assert remote_module.push(str(way.home), "ml101", str(remote)).pushed == ["ada"]
    branches = subprocess.run(["git", "-C", str(remote), "branch"], capture_output=True, text=True, check=True).stdout
    assert branches.split() == ["ml101/ada"]
    shown = subprocess.run(["git", "-C", str(remote), "show", "ml101/ada~1:work/a"], capture_output=True, check=True)
    assert shown.stdout == b"one"


def test_two_histories_of_one_name_get_a_branch_each(way: Way, remote: Path) -> None:
    """Ten times a student was cut off from the own work; the history of another class has no say."""
    stranger = Way(way.base / "other", class_name="ml100")
    cut_off = [Way(way.base / f"{number}", email=f"ada@{number}.example.com") for number in range(10)]
    for number, each in enumerate((stranger, way, *cut_off)):
        each.home = way.home
        (each.machine / "a").write_text(f"{number}")
        each.collect()
    names = ["ada", *(f"ada+{number}" for number in range(3, 13))]
    assert sorted(remote_module.push(str(way.home), "ml101", str(remote)).pushed) == sorted(names)
    assert sorted(remote_module.push(str(way.home), "ml101", str(remote)).unchanged) == sorted(names)
    for number, name in enumerate(names, start=1):
        shown = subprocess.run(
            ["git", "-C", str(remote), "show", f"ml101/{name}:work/a"], capture_output=True, text=True, check=True
        )
        assert shown.stdout == str(number)


def test_another_history_is_never_replaced(way: Way, remote: Path) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    other = Way(way.base / "other")
    (other.machine / "a").write_text("other")
    other.collect()
    remote_module.push(str(other.home), "ml101", str(remote))
    result = remote_module.push(str(way.home), "ml101", str(remote))
    assert "ml101/ada has another history. Nothing was replaced" in result.failed["ada"]
    shown = subprocess.run(["git", "-C", str(remote), "show", "ml101/ada:work/a"], capture_output=True, check=True)
    assert shown.stdout == b"other"


@pytest.mark.parametrize(
    "address",
    ["http://git.example.edu/x.git", "git://git.example.edu/x", "ext::sh -c id", "-oProxyCommand=id", "relative/x"]
    + [f"https://{who}@git.example.edu/x.git" for who in ("me:sEcret", "sEcret", ":sEcret")]
    + ["ssh://git:sEcret@git.example.edu/x.git"],
)
def test_an_address_that_is_not_safe_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(remote_module.RemoteError) as caught:
        remote_module.check_address(address)
    assert "sEcret" not in str(caught.value)
    assert address not in str(caught.value)


@pytest.mark.parametrize("address", ["git@git.example.edu:ml/x.git", "ssh://git@git.example.edu:2222/ml/x.git"])
def test_of_an_ssh_address_the_web_is_asked(address: str) -> None:
    remote_module.check_address(address)
    assert remote_module.anonymous_address(address) == "https://git.example.edu/ml/x.git"


@pytest.fixture
def web(remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Serve the repository by https on this machine; `open` says whether strangers may read it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        (
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {certificate}"
            " -addext subjectAltName=DNS:localhost"
        ).split(),
        check=True,
        capture_output=True,
    )
    subprocess.run(["git", "-C", str(remote), "update-server-info"], check=True)
    server_of: dict[str, Any] = {"open": True, "asked": []}

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            server_of["asked"].append(self.headers.get("Authorization"))
            if server_of["open"]:
                super().do_GET()
            else:
                self.send_error(401)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(remote.parent)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
    monkeypatch.setenv("no_proxy", "localhost")
    server_of["address"] = f"https://localhost:{server.server_port}/remote.git"
    yield server_of
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_public_repository_is_refused_before_anything_is_pushed(way: Way, web: dict[str, Any]) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    with pytest.raises(remote_module.RemoteError, match="is public: everybody could read"):
        remote_module.push(str(way.home), "ml101", web["address"])
    assert set(web["asked"]) == {None}


def test_a_repository_that_asks_strangers_who_they_are_is_not_public(web: dict[str, Any]) -> None:
    web["open"] = False
    assert not remote_module.is_public(web["address"])
    assert not remote_module.is_public(web["address"].replace("remote.git", "none.git"))
    with pytest.raises(remote_module.RemoteError, match=r"cannot be reached: .*\n.*on this disk only"):
        remote_module.push("home", "ml101", web["address"])
