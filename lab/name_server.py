"""DNS for the hosts, as a resolver of AWS's answers them: from the zones of Route 53, and nothing else.

It has no way out either: of other names it says that it cannot tell, which programs take for a trouble that passes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dnslib import QTYPE, RCODE, RR, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from lab import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

log = logging.getLogger(__name__)

# https://www.rfc-editor.org/rfc/rfc1035#section-3.6.2: an alias is followed; a circle of them has to end.
MOST_ALIASES = 8
WILDCARD = r"\052"


class Resolver(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    """Answers from `zones`, which returns moto's records of each zone, by its name."""

    def __init__(self, zones: Callable[[], Mapping[str, Sequence[Any]]]) -> None:
        """Ask `zones` anew for each question."""
        self._zones = zones

    def resolve(self, request: DNSRecord, _handler: Any) -> DNSRecord:
        """Answer one question."""
        reply = request.reply()
        name, kind = str(request.q.qname).lower(), QTYPE[request.q.qtype]
        zones = self._zones()
        zone = None
        for _ in range(MOST_ALIASES):
            zone = _zone(zones, name)
            if zone is None:
                reply.header.rcode = RCODE.SERVFAIL
                return reply
            found = _called(zones[zone], name)
            answers = [each for each in found if each.type in (kind, "CNAME")]
            for records in answers:
                reply.add_answer(*_answers(name, records))
            if not found:
                reply.header.rcode = RCODE.NXDOMAIN
            if kind == "CNAME" or not any(records.type == "CNAME" for records in answers):
                break
            name = f"{answers[0].records[0].rstrip('.')}.".lower()
        if zone and not reply.rr:
            reply.add_auth(*(each for soa in zones[zone] if soa.type == "SOA" for each in _answers(zone, soa)))
        return reply


def _zone(zones: Mapping[str, Any], name: str) -> str | None:
    """Return the name of the zone that knows `name`: of several, the one that is nearest to it."""
    several = [zone for zone in zones if name == zone or name.endswith(f".{zone}")]
    return max(several, key=len, default=None)


def _called(records: Sequence[Any], name: str) -> list[Any]:
    """Return the records of `name`, or else of the wildcard that stands for it.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
    """
    if found := [each for each in records if each.name == name]:
        return found
    _, _, rest = name.partition(".")
    return [each for each in records if each.name == f"{WILDCARD}.{rest}"]


def _answers(name: str, records: Any) -> Iterator[RR]:
    for value in records.records:
        yield from RR.fromZone(f"{name} {records.ttl} IN {records.type} {value}")


def start(
    zones: Callable[[], Mapping[str, Sequence[Any]]], address: str = layout.GATEWAY, port: int = layout.DNS_PORT
) -> int:
    """Serve in threads of this process until it ends; return the port, which is a free one for 0.

    Raises OSError where something else has the port.
    """
    logger = DNSLogger("error", logf=log.warning)
    for tcp in (True, False):
        server = DNSServer(Resolver(zones), address, port, tcp=tcp, logger=logger)
        port = server.server.server_address[1]
        server.start_thread()
    return port
