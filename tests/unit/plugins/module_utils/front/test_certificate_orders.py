"""Certificates by certbot from an authority like Let's Encrypt, proved by haproxy and taken up while it runs."""

from __future__ import annotations

import importlib.util
import json
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front import certificate
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import bring, read_status
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import (
    DOWN,
    PORT_80,
    RATE,
    cause_of,
)

from tests.support.acme_authority import AcmeAuthority, pebble
from tests.support.front import HAPROXY, HOST, Front

CERTBOT = importlib.util.find_spec("certbot")
pytestmark = [
    pytest.mark.skipif(not (HAPROXY and pebble() and CERTBOT), reason="tries haproxy, certbot and a pebble of 2.6"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def front(tmp_path: Path) -> Front:
    """Return a front that does not run yet."""
    (tmp_path / "front").mkdir()
    front = Front(tmp_path / "front")
    front.lay_out()
    return front


@pytest.fixture
def settings(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return what the front's program is told, for ada alone."""
    monkeypatch.setattr(certificate, "AUTHORITIES", str(tmp_path / "acme" / "authority.pem"))
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "authority.pem").write_bytes(front.authority.certificate)
    (tmp_path / "state").mkdir()
    assert CERTBOT
    assert CERTBOT.origin
    return Settings(
        hosts={"ada": HOST},
        directory=str(front.folder),
        state_directory=str(tmp_path / "state"),
        admin_socket=str(front.folder / "admin.sock"),
        certbot=str(Path(CERTBOT.origin).parents[1]),
        acme_directory="",
        address_profile="shortlived",
    )


class Refusing(BaseHTTPRequestHandler):
    """An authority that has counted too many orders, and believes everybody's signature (RFC 8555, 7)."""

    LIMIT = (
        "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after "
        "2126-03-03 10:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/"
    )

    def answer(self, status: int, about: dict[str, Any], kind: str = "application/json") -> None:
        """Send an object; each answer brings a nonce, and where the account is."""
        body = json.dumps(about).encode()
        self.send_response(status)
        for name, value in (("Replay-Nonce", "bm9uY2U"), ("Location", f"{self.root}/account"), ("Content-Type", kind)):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def root(self) -> str:
        """Its address."""
        return f"http://{self.headers['Host']}"

    def do_GET(self) -> None:
        """Say where what is."""
        names = ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")
        profiles = {"meta": {"profiles": {"shortlived": "for addresses"}}}
        self.answer(200, {name: f"{self.root}/{name}" for name in names} | profiles)

    do_HEAD = do_GET  # noqa: N815 - what the server calls

    def do_POST(self) -> None:
        """Know every account, and take no order."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/newOrder":
            return self.answer(201 if self.path == "/newAccount" else 200, {"status": "valid"})
        refusal = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": self.LIMIT}
        return self.answer(429, refusal, "application/problem+json")

    def log_message(self, *_: object) -> None:
        """Say nothing on the test's screen."""


def authority(tmp_path: Path, front: Front, seconds: int = 576000) -> AcmeAuthority:
    return AcmeAuthority(tmp_path / "acme", front.http, seconds)


def shown(front: Front) -> str:
    """Return the certificate that a browser would be shown."""
    with socket.create_connection((HOST, front.https)) as plain:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it may be one that nobody has issued
        with context.wrap_socket(plain, server_hostname=HOST) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True) or b"")


@pytest.fixture
def thumbprint_is_known(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have haproxy learn the account's thumbprint without systemd, which would have it read its files again."""
    original = subprocess.run

    def run(argv: list[str], **options: Any) -> Any:
        if argv[0] != "systemctl":
            return original(argv, **options)
        assert argv[1] == "try-reload-or-restart"
        path = str(front.folder / certificate.ACCOUNT)
        thumbprint = Path(path).read_text().split()[1]
        return certificate.tell(str(front.folder / "admin.sock"), f"set map {path} thumbprint {thumbprint}\n")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.usefixtures("thumbprint_is_known")
def test_an_address_gets_its_certificate_while_connections_live_on(
    front: Front, settings: Settings, tmp_path: Path
) -> None:
    with front.running(), authority(tmp_path, front).running() as acme:
        before = shown(front)
        with socket.create_server((HOST, front.sshd)) as sshd, socket.create_connection((HOST, front.https)) as client:
            client.sendall(b"SSH-2.0-there\r\n")
            session, _ = sshd.accept()
            first = bring(replace(settings, acme_directory=acme.directory))
            assert first.trouble == ""
            assert first.is_good([HOST])
            assert shown(front) != before
            with session:
                session.sendall(b"still here")
            assert client.recv(100) == b"still here"
        issued = shown(front)
        assert (front.folder / "live.pem").stat().st_mode & 0o777 == 0o640
        # None is due: nothing is ordered, and nothing changes.
        orders = (acme.folder / "log").read_text().count("Pulled a task")
        again = bring(replace(settings, acme_directory=acme.directory))
        assert replace(again, tried=first.tried) == first
        assert shown(front) == issued
        assert (acme.folder / "log").read_text().count("Pulled a task") == orders
    assert read_status(settings.state_directory) == again


@pytest.mark.usefixtures("thumbprint_is_known")
def test_a_new_address_gets_a_new_one_at_once_and_a_short_one_is_renewed(
    front: Front, settings: Settings, tmp_path: Path
) -> None:
    with front.running(), authority(tmp_path, front, seconds=10).running() as acme:
        told = replace(settings, acme_directory=acme.directory)
        assert bring(told).trouble == ""
        first = shown(front)
        time.sleep(11)  # until it is due whatever the authority suggests
        assert bring(told).trouble == ""
        assert shown(front) != first
        moved = bring(replace(told, hosts={"ada": "localhost", "grace": HOST}))
        assert moved.trouble == ""
        assert moved.hosts == [HOST, "localhost"]


@pytest.mark.usefixtures("thumbprint_is_known")
def test_what_went_wrong_is_said_in_the_authoritys_words_and_the_old_certificate_stays(
    front: Front, settings: Settings, tmp_path: Path
) -> None:
    with front.running():
        silent = bring(replace(settings, acme_directory=f"https://{HOST}:1/dir"))
        assert not silent.is_good([HOST])
        assert "refused" in silent.trouble
        assert cause_of(silent.trouble) is DOWN
        assert silent.since == silent.tried
        still = bring(replace(settings, acme_directory=f"https://{HOST}:1/dir"))
        assert (still.trouble != "", still.since) == (True, silent.since)
        assert still.tried > silent.tried
        assert datetime.fromisoformat(still.again) - datetime.fromisoformat(still.tried) == timedelta(hours=1)
        with authority(tmp_path, front).running() as acme:
            good = bring(replace(settings, acme_directory=acme.directory))
            assert (good.trouble, good.since, good.again) == ("", "", "")
        kept = shown(front)
        closed = AcmeAuthority(tmp_path / "acme", 9, port=acme.port)
        with closed.running():
            (tmp_path / "another-state").mkdir()  # this authority does not know the account
            unknown = replace(settings, state_directory=str(tmp_path / "another-state"))
            shut = bring(replace(unknown, acme_directory=closed.directory, hosts={"ada": "127.0.0.2"}))
        assert not shut.is_good(["127.0.0.2"])
        assert shut.trouble
        assert "Traceback" not in shut.trouble
        assert cause_of(shut.trouble) is PORT_80
        assert shown(front) == kept


@pytest.mark.usefixtures("thumbprint_is_known")
def test_a_limit_is_told_in_the_authoritys_words_with_the_time_at_which_it_is_over(
    front: Front, settings: Settings
) -> None:
    with front.running(), ThreadingHTTPServer((HOST, 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        status = bring(replace(settings, acme_directory=f"http://{HOST}:{server.server_port}/dir"))
        server.shutdown()
    assert cause_of(status.trouble) is RATE
    assert status.trouble.endswith(Refusing.LIMIT)
