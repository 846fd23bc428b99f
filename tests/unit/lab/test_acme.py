"""The lab's certificate authority: pebble itself, on the loopback, with the lab's DNS."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import acme.client
import josepy
import pytest
from acme import challenges, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.core import DEFAULT_ACCOUNT_ID

from lab import acme as authority
from lab import layout, name_server
from lab.background import Background
from lab.route53 import LabRoute53

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = "127.0.0.1"
NAME = "seat.example.org"
PROGRAM = layout.CACHE / f"pebble-{authority.SUITE}"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="`python -m lab up` fetches pebble")


def free_port() -> int:
    """Return a port that nobody has."""
    with contextlib.closing(socket.create_server((HERE, 0))) as server:
        return int(server.getsockname()[1])


class Host(BaseHTTPRequestHandler):
    """What answers on port 80 of a machine: the proof that it is meant."""

    proofs: dict[str, str]

    def do_GET(self) -> None:
        """Send the proof."""
        proof = self.proofs.get(self.path)
        self.send_response(200 if proof else 404)
        self.end_headers()
        self.wfile.write((proof or "").encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


class Course:
    """An authority with certificates of 90 seconds, and a machine that asks for some."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        """Start all of it."""
        zones = LabRoute53("aws", DEFAULT_ACCOUNT_ID)
        zone = zones.create_hosted_zone("example.org.", private_zone=False, caller_reference="1")
        record = {"Name": NAME, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": HERE}]}
        zones.change_resource_record_sets(zone.id, [{"Action": "CREATE", "ResourceRecordSet": record}])
        dns = name_server.start(zones.published, HERE, 0)
        self.proofs: dict[str, str] = {}
        handler = type("Proving", (Host,), {"proofs": self.proofs})
        host = ThreadingHTTPServer((HERE, 0), handler)
        threading.Thread(target=host.serve_forever, daemon=True).start()
        port = free_port()
        settings = authority.configuration(
            HERE, port, free_port(), folder / "directory.pem", http_port=host.server_address[1], seconds=90
        )
        self.process = Background("authority", str(folder / "pebble.json"), folder / "pid", folder / "log")
        trust, self.root = authority.run_pebble(self.process, PROGRAM, folder, settings, f"{HERE}:{dns}")
        (folder / "trust.pem").write_bytes(trust)
        environment.setenv("REQUESTS_CA_BUNDLE", str(folder / "trust.pem"))
        environment.setenv("NO_PROXY", HERE)
        key = josepy.JWKRSA(key=rsa.generate_private_key(65537, 2048))
        network = acme.client.ClientNetwork(key)
        directory = acme.client.ClientV2.get_directory(f"https://{HERE}:{port}/dir", network)
        self.client = acme.client.ClientV2(directory, net=network)
        self.client.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
        self._key = key

    def certificate(self, name: str, profile: str = "shortlived") -> x509.Certificate:
        """Order one."""
        own = ec.generate_private_key(ec.SECP256R1())
        try:
            asked: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            asked = x509.DNSName(name)
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        signed = request.add_extension(x509.SubjectAlternativeName([asked]), critical=False).sign(own, hashes.SHA256())
        order = self.client.new_order(signed.public_bytes(serialization.Encoding.PEM), profile=profile)
        for authorization in order.authorizations:
            (body,) = [each for each in authorization.body.challenges if isinstance(each.chall, challenges.HTTP01)]
            response, proof = body.response_and_validation(self._key)
            self.proofs[body.chall.path] = proof
            self.client.answer_challenge(body, response)
        deadline = datetime.datetime.now() + datetime.timedelta(seconds=120)
        chain = self.client.poll_and_finalize(order, deadline).fullchain_pem
        return x509.load_pem_x509_certificates(chain.encode())[0]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Return it; afterwards its authority ends."""
    with pytest.MonkeyPatch.context() as environment:
        made = Course(tmp_path_factory.mktemp("acme"), environment)
        yield made
    made.process.stop()


def names(certificate: x509.Certificate) -> list[Any]:
    """Return whom it names."""
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each.value) for each in alternative]


@pytest.mark.parametrize("name", [HERE, NAME])
def test_an_address_and_a_name_that_the_lab_s_dns_knows_are_certified(course: Course, name: str) -> None:
    certificate = course.certificate(name)
    assert names(certificate) == [name]
    valid = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert 89 <= valid.total_seconds() <= 91
    root = x509.load_pem_x509_certificate(course.root)
    assert root.subject == root.issuer
    assert root.subject != certificate.issuer  # there is one between them, as with Let's Encrypt


def test_a_profile_that_there_is_not_is_refused(course: Course) -> None:
    with pytest.raises(messages.Error, match="profile"):
        course.certificate(HERE, "tlsserver")


def test_a_name_that_leads_nowhere_is_not_certified(course: Course) -> None:
    with pytest.raises(errors.ValidationError):
        course.certificate("nobody.example.org")


def test_certificates_are_usually_valid_as_long_as_let_s_encrypt_says(tmp_path: Path) -> None:
    profiles = authority.configuration(HERE, 1, 2, tmp_path)["pebble"]["profiles"]
    days = {name: profile["validityPeriod"] / 86400 for name, profile in profiles.items()}
    assert days == pytest.approx({"classic": 90, "shortlived": 160 / 24})
