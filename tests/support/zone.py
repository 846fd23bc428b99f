"""A zone of Route 53 in an AWS without hosts, as its owner sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.route53.models import route53_backends

from tests.support import account_owner

if TYPE_CHECKING:
    from tests.support.desk import Aws

DOMAIN = "class.example.org"


class Zone:
    """The zone above the class's domain."""

    def __init__(self, aws: Aws) -> None:
        """Make it."""
        self.aws = aws
        self._owner: Any = account_owner.session(aws.url).client("route53", endpoint_url=aws.url)
        self._id = self._owner.create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]

    def add(self, name: str, kind: str, value: str) -> None:
        """Add a record."""
        records = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": records}]}
        self._owner.change_resource_record_sets(HostedZoneId=self._id, ChangeBatch=batch)

    def add_seats(self, *names: str, domain: str = DOMAIN) -> None:
        """Add the addresses of seats, as runs before have left them, in one request."""
        records = [
            {"Name": f"{name}.{domain}", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.7"}]}
            for name in names
        ]
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]}
        self._owner.change_resource_record_sets(HostedZoneId=self._id, ChangeBatch=batch)

    @property
    def records(self) -> dict[tuple[str, str], set[str]]:
        """What there is, by name and type."""
        found = route53_backends[DEFAULT_ACCOUNT_ID]["aws"].zones[self._id.rpartition("/")[2]].rrsets
        return {
            (each.name.rstrip("."), each.type): set(each.records) for each in found if each.type not in ("NS", "SOA")
        }

    def delete(self) -> None:
        """Delete all zones of the account."""
        route53_backends[DEFAULT_ACCOUNT_ID]["aws"].zones.clear()
