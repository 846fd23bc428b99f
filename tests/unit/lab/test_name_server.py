"""DNS for the lab's hosts: what Route 53 has is answered, and nothing is made up."""

from __future__ import annotations

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from moto.core import DEFAULT_ACCOUNT_ID

from lab import name_server
from lab.route53 import LabRoute53

HERE = "127.0.0.1"
CAA = '0 issue "authority.example; validationmethods=http-01; accounturi=https://authority.example/acct/1"'


class Names:
    """A name server on the loopback, and the zones that it answers from."""

    def __init__(self) -> None:
        """Serve one zone with a few names."""
        self.zones = LabRoute53("aws", DEFAULT_ACCOUNT_ID)
        self._zone = self.zones.create_hosted_zone("example.org.", private_zone=False, caller_reference="1")
        self.zones.create_hosted_zone("hidden.example.com.", private_zone=True, caller_reference="2")
        self.add("seat.example.org", "A", "192.0.2.1", "192.0.2.2")
        self.add("seat.example.org", "CAA", CAA)
        self.add("*.any.example.org", "A", "192.0.2.3")
        self.add("alias.example.org", "CNAME", "seat.example.org")
        self.add("circle.example.org", "CNAME", "circle.example.org")
        self.add("away.example.org", "CNAME", "www.example.net")
        self.port = name_server.start(self.zones.published, HERE, 0)

    def add(self, name: str, kind: str, *values: str) -> None:
        """Add records to the zone."""
        records = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
        self.zones.change_resource_record_sets(self._zone.id, [{"Action": "UPSERT", "ResourceRecordSet": records}])

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False) -> tuple[str, list[str]]:
        """Return the answer's code, and its records in the form of a zone's file."""
        answer = DNSRecord.parse(DNSRecord.question(name, kind).send(HERE, self.port, tcp=tcp, timeout=60))
        return RCODE[answer.header.rcode], [f"{each.rname} {QTYPE[each.rtype]} {each.rdata}" for each in answer.rr]


@pytest.fixture(scope="module")
def names() -> Names:
    """Return the name server."""
    return Names()


@pytest.mark.parametrize("tcp", [True, False])
def test_names_have_their_addresses_and_who_may_certify_them(names: Names, tcp: bool) -> None:
    assert names.ask("Seat.Example.org", tcp=tcp) == (
        "NOERROR",
        ["seat.example.org. A 192.0.2.1", "seat.example.org. A 192.0.2.2"],
    )
    assert names.ask("seat.example.org", "CAA", tcp=tcp) == ("NOERROR", [f"seat.example.org. CAA {CAA}"])


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("nobody.example.org", "A", ("NXDOMAIN", [])),
        ("seat.example.org", "AAAA", ("NOERROR", [])),
        ("b.any.example.org", "A", ("NOERROR", ["b.any.example.org. A 192.0.2.3"])),
        ("www.example.net", "A", ("SERVFAIL", [])),
        ("hidden.example.com", "SOA", ("SERVFAIL", [])),
        ("notexample.org", "A", ("SERVFAIL", [])),
        ("alias.example.org", "CNAME", ("NOERROR", ["alias.example.org. CNAME seat.example.org."])),
    ],
)
def test_nothing_is_made_up(names: Names, name: str, kind: str, answer: tuple[str, list[str]]) -> None:
    assert names.ask(name, kind) == answer


def test_an_alias_is_followed_as_far_as_there_are_zones(names: Names) -> None:
    code, found = names.ask("alias.example.org")
    assert (code, len(found)) == ("NOERROR", 3)
    assert names.ask("away.example.org")[0] == "SERVFAIL"
    assert names.ask("circle.example.org")[0] == "NOERROR"


def test_a_change_is_answered_at_once(names: Names) -> None:
    names.add("new.example.org", "A", "192.0.2.4")
    assert names.ask("new.example.org") == ("NOERROR", ["new.example.org. A 192.0.2.4"])
    names.add("new.example.org", "A", "192.0.2.5")
    assert names.ask("new.example.org") == ("NOERROR", ["new.example.org. A 192.0.2.5"])
