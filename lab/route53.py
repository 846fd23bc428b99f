"""Route 53 as AWS has it: changes come whole or not at all, take a while, and are refused in its words.

https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""

from __future__ import annotations

import copy
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

import moto.route53.urls as route53_urls
import xmltodict
from dnslib import RR, DNSBuffer
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.route53.exceptions import Route53ClientError
from moto.route53.models import FakeZone, RecordSet, Route53Backend, route53_backends
from moto.route53.responses import Route53

from lab.lateness import LATENESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.api_request import ApiRequest

CHANGE = "ChangeResourceRecordSets"
# https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
MOST_RECORDS = 1000
MOST_CHARACTERS = 32000
MOST_RESULTS = 300
MOST_SECONDS = 2147483647
# Whose values are read here as a name server reads them; those of other types are taken as they are.
CHECKED_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "TXT")
ACTIONS = ("CREATE", "DELETE", "UPSERT")


class InvalidChangeBatchError(Route53ClientError):  # type: ignore[misc]  # moto has no types
    """What is wrong with the changes of a request, none of which was made."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Say all of it."""
        super().__init__("InvalidChangeBatch", f"[{', '.join(problems)}]")


class RefusedError(Route53ClientError):  # type: ignore[misc]  # moto has no types
    """Another error, with its code."""


class LabRoute53(Route53Backend):  # type: ignore[misc]  # moto has no types
    """Route 53 of the account: moto makes changes one by one, and compares them with what was asked before."""

    _url_module = route53_urls  # moto derives it from the module's name

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Start without zones."""
        super().__init__(*arguments, **named)
        # Zone -> its changes, and the records as each left them, the oldest first; only what may still be looked up.
        self._history: dict[str, list[tuple[str, list[RecordSet]]]] = {}

    def create_hosted_zone(self, name: str, private_zone: bool, caller_reference: str, **named: Any) -> FakeZone:
        """CreateHostedZone: once for each reference of the caller."""
        if any(zone.caller_reference == caller_reference for zone in self.zones.values()):
            raise RefusedError(
                "HostedZoneAlreadyExists",
                f"A hosted zone has already been created with the specified caller reference: {caller_reference}",
            )
        zone = super().create_hosted_zone(name.lower(), private_zone, caller_reference, **named)
        for records in zone.rrsets:  # moto has that of the SOA in another form than all others
            records.records = [each["Value"] if isinstance(each, dict) else each for each in records.records]
            records.ttl = int(records.ttl)
        self._history[zone.resource_id] = [("", list(zone.rrsets))]
        return zone

    def list_hosted_zones_by_name(self, dnsname: str | None) -> tuple[str | None, list[FakeZone]]:
        """ListHostedZonesByName: all zones from this name on, of which the first need not be called so."""
        first = _from_the_top(_name(dnsname)) if dnsname else []
        zones = sorted(self.zones.values(), key=lambda zone: (_from_the_top(zone.name), zone.resource_id))
        return dnsname, [zone for zone in zones if _from_the_top(zone.name) >= first]

    def list_resource_record_sets(
        self, zone_id: str, start_type: str, start_name: str, max_items: int
    ) -> tuple[list[RecordSet], str | None, str | None, bool]:
        """ListResourceRecordSets: at most MOST_RESULTS at once."""
        found: tuple[list[RecordSet], str | None, str | None, bool] = super().list_resource_record_sets(
            zone_id, start_type, start_name, min(max_items, MOST_RESULTS)
        )
        return found

    def change_resource_record_sets(self, zoneid: str, change_list: list[dict[str, Any]]) -> str:
        """ChangeResourceRecordSets: make all changes or none; return the change's id."""
        zone = self.get_hosted_zone(zoneid)
        changes = [_normalized(change) for change in change_list]
        _require_size(changes)
        if problems := [*_contradictions(changes), *(each for change in changes for each in _flaws(zone, change))]:
            raise InvalidChangeBatchError(problems)
        records = {_key(vars(record)): record for record in zone.rrsets}
        if problems := list(_apply(records, changes)) or list(_conflicts(zone, records)):
            raise InvalidChangeBatchError(problems)
        zone.rrsets = list(records.values())
        change_id = f"C{secrets.token_hex(10).upper()}"
        LATENESS.changed(change_id)
        history = self._history.setdefault(zone.resource_id, [])
        known = [number for number, (made, _) in enumerate(history) if LATENESS.in_sync(made)]
        self._history[zone.resource_id] = [*history[known[-1] if known else 0 :], (change_id, list(zone.rrsets))]
        return change_id

    def delete_hosted_zone(self, id_: str) -> FakeZone | None:
        """DeleteHostedZone."""
        zone = super().delete_hosted_zone(id_)
        self._history.pop(zone.resource_id, None)
        return zone

    def published(self) -> dict[str, list[RecordSet]]:
        """Return what name servers know by now: the records of each public zone, by the zone's name."""
        public = [zone for zone in self.zones.values() if not zone.private_zone]
        known = {
            zone.name: [records for made, records in self._history[zone.resource_id] if LATENESS.in_sync(made)]
            for zone in public
        }
        return {name: several[-1] for name, several in known.items()}


class LabRoute53Response(Route53):  # type: ignore[misc]  # moto has no types
    """What Route 53 answers."""

    def change_resource_record_sets(self) -> ActionResult:
        """ChangeResourceRecordSets: the answer comes before name servers know of the change."""
        made = self.backend.change_resource_record_sets(
            self._get_param("HostedZoneId"), self._get_param("ChangeBatch.Changes")
        )
        return self._change(made, self._get_param("ChangeBatch.Comment"))

    def get_change(self) -> ActionResult:
        """GetChange."""
        return self._change(self._get_param("Id"))

    @staticmethod
    def _change(change_id: str, comment: str | None = None) -> ActionResult:
        number = change_id.removeprefix("/change/")
        status = "INSYNC" if LATENESS.in_sync(number) else "PENDING"
        about = {"Id": f"/change/{number}", "Status": status, "SubmittedAt": utcnow(), "Comment": comment}
        return ActionResult({"ChangeInfo": about})

    def list_hosted_zones_by_name(self) -> ActionResult:
        """ListHostedZonesByName: MaxItems at once."""
        most = min(self._get_int_param("MaxItems", 100), 100)
        name, zones = self.backend.list_hosted_zones_by_name(self._get_param("DNSName"))
        more = zones[most] if len(zones) > most else None
        return ActionResult(
            {
                "DNSName": name,
                "HostedZones": zones[:most],
                "IsTruncated": more is not None,
                "NextDNSName": more and more.name,
                "NextHostedZoneId": more and more.resource_id,
                "MaxItems": most,
            }
        )


def install() -> None:
    """Put it in the place of moto's."""
    route53_backends.backend = LabRoute53
    route53_urls.url_paths = dict.fromkeys(route53_urls.url_paths, LabRoute53Response.dispatch)


def published() -> dict[str, list[RecordSet]]:
    """Return the records that name servers know by now, of each public zone, by the zone's name."""
    found: dict[str, list[RecordSet]] = route53_backends[DEFAULT_ACCOUNT_ID]["aws"].published()
    return found


def condition_keys(request: ApiRequest) -> dict[str, tuple[str, ...]]:
    """Return the condition keys of a request that changes records, with their values.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
    """
    if request.action != CHANGE:
        return {}
    batch = xmltodict.parse(request.http.body, force_list=("Change",))[f"{CHANGE}Request"]["ChangeBatch"]
    changes = batch["Changes"]["Change"]
    found = {
        "Actions": tuple(change["Action"] for change in changes),
        "RecordTypes": tuple(change["ResourceRecordSet"]["Type"] for change in changes),
        "NormalizedRecordNames": tuple(_name(change["ResourceRecordSet"]["Name"]).rstrip(".") for change in changes),
    }
    return {f"route53:{CHANGE}{key}": values for key, values in found.items()}


def _name(name: str) -> str:
    """Return a name as Route 53 keeps it.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
    """
    return f"{name.rstrip('.')}.".lower().replace("*", r"\052")


def _from_the_top(name: str) -> list[str]:
    return name.rstrip(".").split(".")[::-1]


def _normalized(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a change with its name as it is kept, and its values as moto keeps them: as texts."""
    if change["Action"] not in ACTIONS:
        raise RefusedError("InvalidInput", f"Value '{change['Action']}' at 'action' is none of {', '.join(ACTIONS)}")
    records = copy.deepcopy(change["ResourceRecordSet"])
    records["Name"] = _name(records["Name"])
    values = [each["Value"] for each in records.get("ResourceRecords") or []]
    if not records.get("AliasTarget") and not (values and records.get("TTL") is not None):
        about = f"Action={change['Action']}, Name={records['Name']}, Type={records['Type']}"
        raise RefusedError(
            "InvalidInput",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId], but found none in Change with [{about}]",
        )
    return {"Action": change["Action"], "ResourceRecordSet": {**records, "ResourceRecords": values}}


def _key(records: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return what tells a set of records from others; `records` is moto's, or one of a request."""
    known = {name.lower(): value for name, value in records.items()}
    return known["name"], known["type"], known.get("setidentifier", known.get("set_identifier")) or ""


def _require_size(changes: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a request that is too large; an UPSERT counts twice."""
    counted = [
        (each["ResourceRecordSet"]["ResourceRecords"], 2 if each["Action"] == "UPSERT" else 1) for each in changes
    ]
    for what, most, found in (
        ("records", MOST_RECORDS, sum(len(values) * times for values, times in counted)),
        ("characters", MOST_CHARACTERS, sum(len("".join(values)) * times for values, times in counted)),
    ):
        if found > most:
            raise InvalidChangeBatchError([f"Number of {what} limit of {most} exceeded."])


def _contradictions(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Name each set that is changed twice otherwise than deleted and made anew."""
    asked: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        asked.setdefault(_key(change["ResourceRecordSet"]), []).append(change["Action"])
    for (name, kind, _), actions in asked.items():
        if len(actions) > 1 and actions != ["DELETE", "CREATE"]:
            yield f"The request contains an invalid set of changes for a resource record set '{kind} {name}'"


def _flaws(zone: FakeZone, change: Mapping[str, Any]) -> Iterator[str]:
    """Say what is wrong with a set of records by itself."""
    records = change["ResourceRecordSet"]
    name, kind = records["Name"], records["Type"]
    if name != zone.name and not name.endswith(f".{zone.name}"):
        yield f"RRSet with DNS name {name} is not permitted in zone {zone.name}"
    if not records["ResourceRecords"]:
        return
    if not 0 <= int(records["TTL"]) <= MOST_SECONDS:
        yield f"Invalid TTL of RRSet with DNS name {name}: {records['TTL']}"
    for value, times in Counter(records["ResourceRecords"]).items():
        if times > 1:
            yield f"Duplicate Resource Record: '{value}'"
        if kind in CHECKED_TYPES and not _readable(kind, value):
            problem = f"FATAL problem: Invalid{kind} (Value is not valid) encountered with '{value}'"
            yield f"Invalid Resource Record: '{problem}'"


def _readable(kind: str, value: str) -> bool:
    """Tell whether a name server could answer with `value`."""
    try:
        (record,) = RR.fromZone(f"name. 60 IN {kind} {value}")
        record.pack(DNSBuffer())
    except Exception:  # noqa: BLE001 - dnslib raises whatever its parsing ran into
        return False
    return True


def _apply(records: dict[tuple[str, str, str], RecordSet], changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Make the changes in `records`; say what cannot be made."""
    for change in changes:
        wanted, key = change["ResourceRecordSet"], _key(change["ResourceRecordSet"])
        found = records.get(key)
        about = f"resource record set [name='{key[0]}', type='{key[1]}'"
        about += f", set identifier='{key[2]}']" if key[2] else "]"
        if change["Action"] == "DELETE":
            if found is None:
                yield f"Tried to delete {about} but it was not found"
            elif not _same(found, wanted):
                yield f"Tried to delete {about} but the values provided do not match the current values"
            else:
                del records[key]
        elif change["Action"] == "CREATE" and found is not None:
            yield f"Tried to create {about} but it already exists"
        else:
            records[key] = RecordSet(wanted)


def _same(found: RecordSet, wanted: Mapping[str, Any]) -> bool:
    if wanted.get("AliasTarget"):
        return bool(found.alias_target == wanted["AliasTarget"])
    return int(found.ttl or 0) == int(wanted["TTL"]) and sorted(found.records) == sorted(wanted["ResourceRecords"])


def _conflicts(zone: FakeZone, records: Mapping[tuple[str, str, str], RecordSet]) -> Iterator[str]:
    """Say what the zone would have that it may not."""
    kinds: dict[str, set[str]] = {}
    for name, kind, _ in records:
        kinds.setdefault(name, set()).add(kind)
    for name, found in kinds.items():
        if "CNAME" in found and name == zone.name:
            yield f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone.name}"
        elif "CNAME" in found and len(found) > 1:
            yield (
                f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with "
                f"the same DNS name in zone {zone.name}"
            )
    if "SOA" not in kinds[zone.name]:
        yield "A HostedZone must contain exactly one SOA record."
    if "NS" not in kinds[zone.name]:
        yield "A HostedZone must contain at least one NS record for the zone itself."
