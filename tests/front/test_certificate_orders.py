"""Certificates by certbot from an authority like Let's Encrypt, proved by haproxy and taken up while it runs."""

from __future__ import annotations

import importlib.util
import socket
import ssl
import subprocess
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front import certificate
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import bring, read_status
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_json
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import (
    DOWN,
    PORT_80,
    RATE,
    cause_of,
)

from lab import acme_door
from lab.faults import Fault, Faults
from tests.support.acme_authority import AcmeAuthority
from tests.support.front import HOST, SECRETS, TOKENS, Front, Jupyter
from tests.support.visitor import Visitor, busy

CERTBOT = importlib.util.find_spec("certbot")
LIFE, RENEWALS = 90, 3  # s
pytestmark = pytest.mark.timeout(300)


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


def authority(tmp_path: Path, front: Front, seconds: int | None = None) -> AcmeAuthority:
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
    assert read_status(settings) == again


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
        moved = replace(told, hosts={"ada": "localhost", "grace": HOST})
        assert bring(moved).trouble == "localhost: no record in DNS leads to this machine yet"
        write_json(f"{settings.state_directory}/{certificate.NAMED}", {"names": ["localhost"]})
        status = bring(moved)
        assert status.trouble == ""
        assert status.account.startswith(acme.directory.rpartition("/")[0])
        assert status.hosts == [HOST, "localhost"]


@pytest.mark.usefixtures("thumbprint_is_known")
def test_a_haproxy_that_began_with_the_old_certificate_gets_the_one_that_lies_there(
    front: Front, settings: Settings, tmp_path: Path
) -> None:
    """It read its files anew just before the new one was laid, and would show the old one until it is over."""
    path = front.folder / "live.pem"
    old = path.read_text()
    with front.running(), authority(tmp_path, front).running() as acme:
        told = replace(settings, acme_directory=acme.directory)
        assert bring(told).trouble == ""
        issued, new = shown(front), path.read_text()
        path.write_text(old)
        front.reload()
        path.write_text(new)
        assert shown(front) != issued
        assert bring(told).trouble == ""
        assert shown(front) == issued


@pytest.mark.usefixtures("thumbprint_is_known")
@pytest.mark.parametrize(
    "torn", ["renewal/seat.conf", "live/seat/fullchain.pem", "live/seat/privkey.pem", "accounts/**/regr.json"]
)
def test_what_an_order_left_half_on_a_full_disk_or_without_power_holds_up_no_later_one(
    front: Front, settings: Settings, tmp_path: Path, torn: str
) -> None:
    """Left alone, certbot would go on under another name, of which haproxy hears nothing, or fail each time."""
    acme_folder = Path(settings.state_directory) / "acme"
    with front.running(), authority(tmp_path, front).running() as acme:
        told = replace(settings, acme_directory=acme.directory)
        assert bring(told).trouble == ""
        (path,) = acme_folder.glob(torn)
        path.write_bytes(b"")
        assert bring(told).trouble == ""
        assert [kept.name for kept in (acme_folder / "renewal").iterdir()] == ["seat.conf"]
        orders = (acme.folder / "log").read_text().count("Pulled a task")
        again = bring(told)
        assert (again.trouble, again.is_good([HOST])) == ("", True)
        assert (acme.folder / "log").read_text().count("Pulled a task") == orders
    assert (front.folder / "live.pem").read_text() == certificate.joined(acme_folder) != ""


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
def test_a_limit_and_a_pause_of_the_authority_are_said_and_the_next_order_is_taken(
    front: Front, settings: Settings, tmp_path: Path
) -> None:
    faults = Faults()
    faults.add(Fault(acme_door.ORDER, "rateLimited", message="too many certificates already issued"))
    with front.running():
        with authority(tmp_path, front).running() as acme:
            (tmp_path / "door.pem").write_bytes(acme.own.issue([HOST]))
            behind, trusted = (HOST, acme.port), acme.own.certificate
            port = acme_door.start(acme_door.Door(dict, faults), (HOST, 0), behind, trusted, tmp_path / "door.pem")
            told = replace(settings, acme_directory=f"https://{HOST}:{port}/dir")
            limited = bring(told)
            assert "too many certificates already issued" in limited.trouble
            assert cause_of(limited.trouble) is RATE
            assert not limited.is_good([HOST])
            assert limited.is_fresh([HOST])
            assert bring(told).is_good([HOST])
        paused = bring(replace(told, hosts={"ada": "127.0.0.2"}))
        assert "503" in paused.trouble
        assert cause_of(paused.trouble) is DOWN
        assert not paused.is_good(["127.0.0.2"])


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("thumbprint_is_known")
def test_renewals_lose_no_websocket_of_a_running_kernel(front: Front, settings: Settings, tmp_path: Path) -> None:
    """Three of them, of certificates of 90 s; whoever connects anew meets a valid one at every moment."""
    with (
        front.running(),
        Jupyter(tmp_path / "jupyter", front.jupyters["ada"], TOKENS["ada"]).running(),
        authority(tmp_path, front, seconds=LIFE).running() as acme,
    ):
        told = replace(settings, hosts={"ada": HOST}, acme_directory=acme.directory)
        assert bring(told).trouble == ""
        visitor = Visitor(front.hosts["ada"], acme.root())
        visitor.open(f"/open/{SECRETS['ada']}")
        certificates, began = {visitor.certificate()}, time.monotonic()
        with visitor.kernel() as kernel:
            with busy(kernel) as working:
                # At least until that under which the kernel was connected is over.
                while len(certificates) <= RENEWALS or time.monotonic() < began + LIFE:
                    assert time.monotonic() < began + LIFE * (RENEWALS + 1)
                    assert not working.done(), working.exception()
                    assert bring(told).trouble == ""
                    assert visitor.works()
                    certificates.add(visitor.certificate())
            cells = working.result()
        print(f"{len(certificates) - 1} renewals, {cells} cells in {time.monotonic() - began:.0f} s")
