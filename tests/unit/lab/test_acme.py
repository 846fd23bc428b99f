"""The lab's certificate authority: pebble itself, on the loopback, with the lab's DNS."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import threading
from contextlib import nullcontext
from functools import partial
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
from lab import acme_door, layout, name_server
from lab.authority import Authority
from lab.background import Background
from lab.faults import Fault, Faults
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


def add_record(zones: LabRoute53, zone: str, name: str, kind: str, value: str) -> None:
    """Add a record to a zone."""
    record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    zones.change_resource_record_sets(zone, [{"Action": "UPSERT", "ResourceRecordSet": record}])


class Course:
    """An authority with certificates of 90 seconds, and a machine that asks for some."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        """Start all of it."""
        zones = LabRoute53("aws", DEFAULT_ACCOUNT_ID)
        zone = zones.create_hosted_zone("example.org.", private_zone=False, caller_reference="1")
        self.add = partial(add_record, zones, zone.id)
        self.add(NAME, "A", HERE)
        dns = name_server.start(zones.published, HERE, 0)
        self.proofs: dict[str, str] = {}
        handler = type("Proving", (Host,), {"proofs": self.proofs})
        host = ThreadingHTTPServer((HERE, 0), handler)
        threading.Thread(target=host.serve_forever, daemon=True).start()
        own, certificate, pebble = Authority(), folder / "directory.pem", free_port()
        certificate.write_bytes(own.issue([HERE]))
        settings = authority.configuration(
            pebble, free_port(), certificate, http_port=host.server_address[1], seconds=90
        )
        self.process = Background("authority", str(folder / "pebble.json"), folder / "pid", folder / "log")
        self.root = authority.run_pebble(self.process, PROGRAM, folder, settings, f"{HERE}:{dns}", own.certificate)
        self.faults = Faults()
        door = acme_door.Door(zones.published, self.faults)
        port = acme_door.start(door, (HERE, 0), (HERE, pebble), own.certificate, certificate)
        (folder / "trust.pem").write_bytes(own.certificate)
        environment.setenv("REQUESTS_CA_BUNDLE", str(folder / "trust.pem"))
        environment.setenv("NO_PROXY", HERE)
        self._directory = f"https://{HERE}:{port}/dir"
        self.machine = self.account()

    def account(self) -> Machine:
        """Return a machine with an account of its own."""
        return Machine(self._directory, self.proofs)


class Machine:
    """Who has an account, and answers for the addresses of this computer."""

    def __init__(self, directory: str, proofs: dict[str, str]) -> None:
        """Make the account."""
        self._key, self._proofs = josepy.JWKRSA(key=rsa.generate_private_key(65537, 2048)), proofs
        network = acme.client.ClientNetwork(self._key)
        self.client = acme.client.ClientV2(acme.client.ClientV2.get_directory(directory, network), net=network)
        agreed = messages.NewRegistration.from_data(terms_of_service_agreed=True)
        self.uri = str(self.client.new_account(agreed).uri)

    def certificate(self, name: str, profile: str | None = "shortlived") -> x509.Certificate:
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
            if authorization.body.status == messages.STATUS_VALID:
                continue  # of an order before, as Let's Encrypt does it too
            (body,) = [each for each in authorization.body.challenges if isinstance(each.chall, challenges.HTTP01)]
            response, proof = body.response_and_validation(self._key)
            self._proofs[body.chall.path] = proof
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
    certificate = course.machine.certificate(name)
    assert names(certificate) == [name]
    valid = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert 89 <= valid.total_seconds() <= 91
    root = x509.load_pem_x509_certificate(course.root)
    assert root.subject == root.issuer
    assert root.subject != certificate.issuer  # there is one between them, as with Let's Encrypt


def test_a_profile_that_there_is_not_is_refused(course: Course) -> None:
    with pytest.raises(messages.Error, match="profile"):
        course.machine.certificate(NAME, "tlsserver")


def test_a_name_that_leads_nowhere_is_not_certified(course: Course) -> None:
    with pytest.raises(errors.ValidationError):
        course.machine.certificate("nobody.example.org")


@pytest.mark.parametrize("profile", ["classic", None])
def test_an_address_is_certified_for_a_short_time_alone(course: Course, profile: str | None) -> None:
    with pytest.raises(messages.Error, match="permits no addresses"):
        course.machine.certificate(HERE, profile)


def test_a_name_is_certified_for_the_account_that_its_caa_record_names_and_no_other(course: Course) -> None:
    """Who gets the address of a stopped machine answers for its name, and gets nothing all the same."""
    name = "stopped.example.org"
    course.add(name, "A", HERE)
    stranger = course.account()
    assert names(stranger.certificate(name)) == [name]  # the control: without the record
    uri = course.machine.uri
    course.add(name, "CAA", f'0 issue "letsencrypt.org; validationmethods=http-01; accounturi={uri}"')
    with pytest.raises(messages.Error, match="urn:ietf:params:acme:error:caa"):
        stranger.certificate(name)
    assert names(course.machine.certificate(name)) == [name]


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ('0 issue "letsencrypt.org"', True),
        ('0 issue "letsencrypt.org; validationmethods=dns-01,http-01"', True),
        ('0 issue "letsencrypt.org; validationmethods=dns-01"', False),
        ('0 issue "authority.example"', False),
        ('0 issue ";"', False),
        ('0 issuewild ";"', True),
    ],
)
def test_caa_records_are_heeded_also_those_of_the_domain_above(course: Course, value: str, allowed: bool) -> None:
    domain = f"d{abs(hash(value))}.example.org"
    course.add(f"seat.{domain}", "A", HERE)
    course.add(domain, "CAA", value)
    with nullcontext() if allowed else pytest.raises(messages.Error, match="prevents issuance"):
        course.machine.certificate(f"seat.{domain}")


def test_a_limit_is_said_as_let_s_encrypt_says_it(course: Course) -> None:
    course.faults.add(Fault("newOrder", "rateLimited", message="too many certificates already issued"))
    with pytest.raises(messages.Error, match=r"rateLimited.*too many certificates already issued"):
        course.machine.certificate(NAME)
    course.machine.certificate(NAME)


def test_certificates_are_usually_valid_as_long_as_let_s_encrypt_says(tmp_path: Path) -> None:
    profiles = authority.configuration(1, 2, tmp_path)["pebble"]["profiles"]
    days = {name: profile["validityPeriod"] / 86400 for name, profile in profiles.items()}
    assert days == pytest.approx({"classic": 90, "shortlived": 160 / 24})
