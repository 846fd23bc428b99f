"""The names of seats in DNS: which records each has, and what has to change in a zone of Route 53 so that it has them.

A name is the seat's, never a student's: what is certified is public, for ever. Beside its address stands who may
certify it, and for whom, so that a stranger who gets the address of a stopped machine gets no certificate for its name
(RFC 8659, RFC 8657).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

TTL_S = 60
OUR_TYPES = ("A", "CAA")
# At a seat's name they would lead browsers elsewhere.
FOREIGN_TYPES = ("AAAA", "CNAME")
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html; an UPSERT counts twice.
MOST_RECORDS = 1000
MOST_CHARACTERS = 32000
# https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
LONGEST_NAME = 253

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
# What may stand in a parameter of a CAA record, without the quotation mark that ends its text.
_ACCOUNT = re.compile(r"https://[!#-:<-~]+")
_SETTINGS = "group_vars/all/class.yml"


class NamesError(ValueError):
    """A name cannot be given, or somebody else has it; the message says what to do."""


@dataclass(frozen=True)
class Seat:
    """A place to sit: its name without the domain, its machine's address and ACME account (RFC 8555)."""

    name: str
    address: str
    account: str

    def records(self, domain: str, authority: str) -> dict[tuple[str, str], frozenset[str]]:
        """Return the values of its records, by name and type; `authority` is the domain that CAA knows it by.

        Raises NamesError for what cannot stand in DNS.
        """
        name = full_name(self.name, domain)
        if not _ACCOUNT.fullmatch(self.account):
            raise NamesError(f"{self.name} has no account with {authority} that a CAA record could name.")
        try:
            address = str(IPv4Address(self.address))
        except AddressValueError as error:
            raise NamesError(f"{self.name} has no address that its name could lead to: {self.address!r}.") from error
        allowed = f'0 issue "{authority}; validationmethods=http-01; accounturi={self.account}"'
        return {(name, "A"): frozenset([address]), (name, "CAA"): frozenset([allowed, '0 issuewild ";"'])}


def slot_name(seat: str, slot: int) -> str:
    """Return the name of a slot of a machine, 0 for the first, whose name does not depend on how many there are."""
    return seat.lower() + (f"-{slot + 1}" if slot else "")


def full_name(name: str, domain: str) -> str:
    """Return a seat's whole name. Raises NamesError for what is none."""
    whole = f"{name}.{require_domain(domain)}"
    if not re.fullmatch(_LABEL, name) or len(whole) > LONGEST_NAME:
        raise NamesError(
            f"{whole} is no name that DNS could have.\n"
            f"Set class_name in {_SETTINGS} to letters, digits and hyphens, or class_domain to nothing; then run again."
        )
    return whole


def require_domain(domain: str) -> str:
    """Return a domain as DNS compares it. Raises NamesError for what is none."""
    found = domain.lower().rstrip(".")
    if not _DOMAIN.fullmatch(found):
        raise NamesError(
            f"{domain!r} is no domain.\n"
            f"Set class_domain in {_SETTINGS} to one such as class.example.org, then run again."
        )
    return found


def zones_above(domain: str) -> list[str]:
    """Return which zones could know names below `domain`, the nearest first."""
    labels = require_domain(domain).split(".")
    return [".".join(labels[number:]) for number in range(len(labels) - 1)]


def choose_zone(domain: str, found: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the id of the public zone called `domain` among zones of Route 53; None if there is none.

    Raises NamesError where there are several: only the registrar knows which one the world asks.
    """
    ids = [
        zone["Id"].rpartition("/")[2]
        for zone in found
        if zone["Name"].rstrip(".") == domain and not zone.get("Config", {}).get("PrivateZone")
    ]
    if len(ids) > 1:
        raise NamesError(
            f"The account has several public zones called {domain} in Route 53: {', '.join(ids)}.\n"
            "Delete those that the domain's registrar does not point to, then run again."
        )
    return ids[0] if ids else None


def no_zone(domain: str) -> str:
    """Say that the account has no zone for `domain`."""
    return (
        f"The account has no public zone for {domain} in Route 53.\n"
        "Create the hosted zone in the Route 53 console and enter its name servers at the domain's registrar, or set "
        f"class_domain in {_SETTINGS} to a domain of this account, or to nothing; then run again."
    )


def is_of_class(name: str, class_name: str, domain: str) -> bool:
    """Tell whether a whole name is that of a seat of the class."""
    label, _, rest = name.partition(".")
    return rest == domain and bool(re.fullmatch(rf"{re.escape(class_name.lower())}-\d{{3,}}(?:-\d{{1,2}})?", label))


def changes(
    existing: Sequence[Mapping[str, Any]],
    wanted: Mapping[tuple[str, str], frozenset[str]],
    gone: Collection[str],
) -> list[dict[str, Any]]:
    """Return what makes of the `existing` record sets of a zone those `wanted`, and removes ours of the names `gone`.

    Raises NamesError where somebody else's record stands at a wanted name.
    """
    known = {(record["Name"].rstrip("."), record["Type"]): record for record in existing}
    for (name, kind), record in known.items():
        ours = kind in OUR_TYPES and "AliasTarget" not in record and "SetIdentifier" not in record
        if (name, "A") in wanted and (kind in FOREIGN_TYPES or (kind in OUR_TYPES and not ours)):
            raise NamesError(
                f"{name} has a record of type {kind} in Route 53 that no run of this project made.\n"
                f"Delete it in the Route 53 console, or set another class_domain in {_SETTINGS}; then run again."
            )
    made: list[dict[str, Any]] = [
        {"Action": "DELETE", "ResourceRecordSet": dict(record)}
        for (name, kind), record in sorted(known.items())
        if name in gone and kind in OUR_TYPES and (name, kind) not in wanted
    ]
    for (name, kind), values in sorted(wanted.items()):
        found = known.get((name, kind))
        if found and found.get("TTL") == TTL_S and _values(found) == values:
            continue
        records = [{"Value": value} for value in sorted(values)]
        made.append(
            {
                "Action": "UPSERT",
                "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": TTL_S, "ResourceRecords": records},
            }
        )
    return made


def batches(made: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Split changes into requests, of which Route 53 makes each whole or not at all; a class fits into one."""
    batch: list[dict[str, Any]] = []
    records = characters = 0
    for change in made:
        times = 2 if change["Action"] == "UPSERT" else 1
        values = [each["Value"] for each in change["ResourceRecordSet"]["ResourceRecords"]]
        records += times * len(values)
        characters += times * len("".join(values))
        if batch and (records > MOST_RECORDS or characters > MOST_CHARACTERS):
            yield batch
            batch = []
            records, characters = times * len(values), times * len("".join(values))
        batch.append(change)
    if batch:
        yield batch


def _values(record: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(each["Value"] for each in record.get("ResourceRecords", []))
