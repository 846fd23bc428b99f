"""Names of seats in the lab: their zone, as its owner sees it, and what name server and authority know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dnslib import DNSRecord

from lab.layout import ACME_LOG, DNS_PORT, ENDPOINT_URL, GATEWAY
from tests.support import account_owner

if TYPE_CHECKING:
    from collections.abc import Iterable

DOMAIN = "class.example.org"
TTL_S = 60
ORDERED = "Added order"


class Zone:
    """The class's zone in the lab's Route 53."""

    def __init__(self) -> None:
        """Make it, as its owner does in the console."""
        self._client: Any = account_owner.session().client("route53", endpoint_url=ENDPOINT_URL)
        self._id = self._client.create_hosted_zone(Name=DOMAIN, CallerReference="names")["HostedZone"]["Id"]

    @property
    def names(self) -> set[tuple[str, str]]:
        """Which names of seats have records of which types."""
        found = self._client.list_resource_record_sets(HostedZoneId=self._id)["ResourceRecordSets"]
        return {(each["Name"].rstrip("."), each["Type"]) for each in found if each["Type"] not in ("NS", "SOA")}

    def lead(self, names: Iterable[str], address: str) -> None:
        """Lead names to another address."""
        records = [{"Name": name, "Type": "A", "TTL": TTL_S, "ResourceRecords": [{"Value": address}]} for name in names]
        batch = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records]}
        self._client.change_resource_record_sets(HostedZoneId=self._id, ChangeBatch=batch)


def addresses(name: str) -> list[str]:
    """Return the addresses that the lab's name server has for `name`."""
    reply = DNSRecord.parse(DNSRecord.question(name).send(GATEWAY, DNS_PORT, timeout=5))
    return [str(answer.rdata) for answer in reply.rr]


def orders() -> int:
    """Return how many orders the authority has taken."""
    return ACME_LOG.read_text().count(ORDERED)
