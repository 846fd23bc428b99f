"""Names of seats: what their records say, what has to change for that, and whose records are left alone."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.names import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import NamesError, Seat
from hypothesis import given, settings
from hypothesis import strategies as st

DOMAIN = "class.example.org"
ACCOUNT = "https://authority.example/acme/acct/12345"
ADA = Seat("ml101-001", "192.0.2.1", ACCOUNT)
NAME = f"ml101-001.{DOMAIN}"


def existing(name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    """Return a record set as Route 53 lists it."""
    listed = {"TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
    return {"Name": f"{name}.", "Type": kind, **(more or listed)}


def made_of(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the record sets that there are after these changes, in a zone that had none."""
    return [{**each["ResourceRecordSet"], "Name": f"{each['ResourceRecordSet']['Name']}."} for each in changes]


def test_a_name_leads_to_the_machine_and_is_certified_for_its_account_alone() -> None:
    assert ADA.records(DOMAIN, "authority.example") == {
        (NAME, "A"): {"192.0.2.1"},
        (NAME, "CAA"): {
            f'0 issue "authority.example; validationmethods=http-01; accounturi={ACCOUNT}"',
            '0 issuewild ";"',
        },
    }


@pytest.mark.parametrize(
    ("seat", "words"),
    [
        (Seat("ml 101-001", "192.0.2.1", ACCOUNT), "is no name that DNS could have"),
        (Seat("ml_101-001", "192.0.2.1", ACCOUNT), "is no name that DNS could have"),
        (Seat("x" * 64, "192.0.2.1", ACCOUNT), "is no name that DNS could have"),
        (Seat("ml101-001", "", ACCOUNT), "has no address"),
        (Seat("ml101-001", "2001:db8::1", ACCOUNT), "has no address"),
        (Seat("ml101-001", "192.0.2.1", ""), "has no account"),
        (Seat("ml101-001", "192.0.2.1", 'https://a.example/"; x'), "has no account"),
        (Seat("ml101-001", "192.0.2.1", "https://a.example/1;x=y"), "has no account"),
    ],
)
def test_what_cannot_stand_in_dns_is_refused_in_words(seat: Seat, words: str) -> None:
    with pytest.raises(NamesError, match=words):
        seat.records(DOMAIN, "authority.example")


@pytest.mark.parametrize("domain", ["", "org", "-a.example.org", "a..example.org", "a_b.example.org", "1.2.3.4/x"])
def test_what_is_no_domain_is_refused_in_words(domain: str) -> None:
    with pytest.raises(NamesError, match="class_domain"):
        records.zones_above(domain)


def test_a_zone_may_be_above_the_domain_but_no_top_level() -> None:
    assert records.zones_above("Class.Example.org.") == ["class.example.org", "example.org"]


def test_only_a_public_zone_of_exactly_this_name_is_meant() -> None:
    def zone(number: str, name: str, *, private: bool = False) -> dict[str, Any]:
        return {"Id": f"/hostedzone/{number}", "Name": f"{name}.", "Config": {"PrivateZone": private}}

    found = [zone("Z1", DOMAIN, private=True), zone("Z2", f"x.{DOMAIN}")]
    assert records.choose_zone(DOMAIN, found) is None
    assert records.choose_zone(DOMAIN, [*found, zone("Z3", DOMAIN)]) == "Z3"
    with pytest.raises(NamesError, match=r"several public zones called class\.example\.org in Route 53: Z3, Z4"):
        records.choose_zone(DOMAIN, [zone("Z3", DOMAIN), zone("Z4", DOMAIN)])


def test_what_is_as_it_should_be_is_left_alone() -> None:
    wanted = ADA.records(DOMAIN, "authority.example")
    made = made_of(records.changes([], wanted, set()))
    assert len(made) == 2
    assert records.changes(made, wanted, set()) == []
    moved = Seat("ml101-001", "192.0.2.2", ACCOUNT).records(DOMAIN, "authority.example")
    (change,) = records.changes(made, moved, set())
    assert change["Action"] == "UPSERT"
    assert change["ResourceRecordSet"]["ResourceRecords"] == [{"Value": "192.0.2.2"}]


def test_names_that_are_gone_lose_our_records_and_no_others() -> None:
    there = [*made_of(records.changes([], ADA.records(DOMAIN, "a.example"), set())), existing(NAME, "TXT", '"mine"')]
    changes = records.changes(there, {}, {NAME})
    assert [(each["Action"], each["ResourceRecordSet"]["Type"]) for each in changes] == [
        ("DELETE", "A"),
        ("DELETE", "CAA"),
    ]
    assert changes[0]["ResourceRecordSet"] == there[0]  # AWS wants all values of what it deletes
    assert records.changes(there, {}, {f"ml101-002.{DOMAIN}"}) == []
    # Who gets a new address in the same run keeps the name.
    assert records.changes(there, ADA.records(DOMAIN, "a.example"), {NAME}) == []


@pytest.mark.parametrize(
    "foreign",
    [
        existing(NAME, "CNAME", "other.example.org"),
        existing(NAME, "AAAA", "2001:db8::1"),
        existing(NAME, "A", AliasTarget={"DNSName": "lb.example.org"}),
        existing(NAME, "A", SetIdentifier="blue", TTL=60, ResourceRecords=[{"Value": "192.0.2.7"}]),
    ],
)
def test_somebody_else_s_record_is_not_touched(foreign: dict[str, Any]) -> None:
    with pytest.raises(NamesError, match=f"{NAME} has a record of type {foreign['Type']}"):
        records.changes([foreign], ADA.records(DOMAIN, "a.example"), set())


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (f"ml101-001.{DOMAIN}", True),
        (f"ml101-1000.{DOMAIN}", True),
        (f"ml101-001-25.{DOMAIN}", True),
        (f"ml101-001-002.{DOMAIN}", False),  # the second seat of a class called ml101-001
        (f"ml1010-001.{DOMAIN}", False),
        (f"ml101-01.{DOMAIN}", False),
        ("ml101-001.example.org", False),
        (f"www.ml101-001.{DOMAIN}", False),
    ],
)
def test_names_of_a_class_are_told_from_those_of_others(name: str, ours: bool) -> None:
    assert records.is_of_class(name, "ML101", DOMAIN) is ours


def test_the_slots_of_a_machine_have_names_that_tell_no_student() -> None:
    names = [records.slot_name("ML101-001", slot) for slot in range(3)]
    assert names == ["ml101-001", "ml101-001-2", "ml101-001-3"]
    assert all(records.is_of_class(f"{name}.{DOMAIN}", "ml101", DOMAIN) for name in names)


@settings(deadline=None)
@given(st.integers(0, 700))
def test_each_request_fits_and_the_names_of_a_class_are_in_one(number: int) -> None:
    wanted: dict[tuple[str, str], frozenset[str]] = {}
    for seat in range(number):
        wanted |= Seat(f"ml101-{seat:03}", "192.0.2.1", ACCOUNT).records(DOMAIN, "letsencrypt.org")
    made = records.changes([], wanted, set())
    found = list(records.batches(made))
    assert [change for batch in found for change in batch] == made
    for batch in found:
        values = [each["Value"] for change in batch for each in change["ResourceRecordSet"]["ResourceRecords"]]
        assert 2 * len(values) <= 1000
        assert 2 * len("".join(values)) <= 32000
    assert number > 45 or len(found) <= 1
