"""What Let's Encrypt looks at before it takes an order, and pebble does not: CAA, what a profile allows, how often.

https://letsencrypt.org/docs/caa/, https://letsencrypt.org/docs/profiles/. Who is refused hears it in the words of
RFC 8555, 6.7; all else is passed on to pebble as it came.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from dnslib import RR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lab.faults import Faults

# By which CAA records know it: Let's Encrypt's, for which it stands in.
IDENTITY = "letsencrypt.org"
METHOD = "http-01"
FOR_ADDRESSES = "shortlived"
ORDER = "newOrder"  # how its directory calls it, and `fault` too
PROBLEM = "urn:ietf:params:acme:error:"
STATUS = {"rateLimited": 429, "caa": 403}
RETRY_AFTER_S = 3600
TIMEOUT_S = 60
# Of this connection, not of the message that it carries.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Refusal(Exception):  # noqa: N818 - the word of the lab's other doors
    """Why an order is not taken."""

    def __init__(self, code: str, detail: str) -> None:
        """Remember the ACME error code, and what is said beside it."""
        super().__init__(detail)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return STATUS.get(self.code, 400)

    def body(self) -> bytes:
        """Return the problem document."""
        return json.dumps({"type": PROBLEM + self.code, "detail": str(self), "status": self.status}).encode()


class Door:
    """Takes orders or refuses them; `zones` returns moto's records of each zone by its name."""

    def __init__(self, zones: Callable[[], Mapping[str, Sequence[Any]]], faults: Faults) -> None:
        """Ask both anew for each order."""
        self._zones = zones
        self._faults = faults

    def check(self, account: str, order: Mapping[str, Any]) -> None:
        """Raise Refusal unless the account with the address `account` may place this order."""
        if fault := self._faults.take(ORDER):
            raise Refusal(fault.code, fault.message)
        for identifier in order["identifiers"]:
            if identifier["type"] == "ip":
                if order.get("profile") != FOR_ADDRESSES:
                    raise Refusal("rejectedIdentifier", f"Profile {order.get('profile')!r} permits no addresses.")
            else:
                self._check_caa(identifier["value"].lower(), account)

    def _check_caa(self, name: str, account: str) -> None:
        """Raise Refusal where a CAA record, the nearest above or at `name`, lets only others issue (RFC 8659, 3)."""
        records = list(_nearest_caa(self._zones(), name))
        issuers = [record.value for record in records if record.tag == "issue"]
        if issuers and not any(_allows(value, account) for value in issuers):
            raise Refusal("caa", f"CAA record for {name} prevents issuance: {'; '.join(map(repr, issuers))}")


def _nearest_caa(zones: Mapping[str, Sequence[Any]], name: str) -> Iterator[Any]:
    while name:
        for zone in zones.values():
            found = [each for each in zone if each.type == "CAA" and each.name.rstrip(".") == name]
            for record in found:
                for value in record.records:
                    yield RR.fromZone(f"{record.name} 60 IN CAA {value}")[0].rdata
            if found:
                return
        name = name.partition(".")[2]


def _allows(value: str, account: str) -> bool:
    """Tell whether an `issue` property lets this authority issue for that account (RFC 8657)."""
    issuer, *parameters = (part.strip() for part in value.split(";"))
    asked = dict(part.split("=", 1) for part in parameters if "=" in part)
    return (
        issuer == IDENTITY
        and asked.get("accounturi", account) == account
        and METHOD in asked.get("validationmethods", METHOD).split(",")
    )


class Handler(BaseHTTPRequestHandler):
    """Passes requests on to pebble, but for orders that are refused."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S
    door: Door
    pebble: tuple[str, int]
    trust: ssl.SSLContext

    def do_GET(self) -> None:
        """Pass it on."""
        self._pass()

    def do_HEAD(self) -> None:
        """Pass it on."""
        self._pass()

    def do_POST(self) -> None:
        """Look at an order, and pass on whatever is not refused."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            directory = json.loads(self._ask("GET", "/dir")[2])
            if directory[ORDER].endswith(self.path):
                message = json.loads(body)
                self.door.check(_decoded(message["protected"]).get("kid", ""), _decoded(message["payload"]))
        except OSError:
            self._send(503, [], b"")
        except Refusal as refusal:
            _, headers, _ = self._ask("HEAD", directory["newNonce"].removeprefix(f"https://{self.headers['Host']}"))
            about = [("Content-Type", "application/problem+json"), ("Replay-Nonce", dict(headers)["Replay-Nonce"])]
            if refusal.code == "rateLimited":
                about.append(("Retry-After", str(RETRY_AFTER_S)))
            self._send(refusal.status, about, refusal.body())
        else:
            self._pass(body)

    def _pass(self, body: bytes | None = None) -> None:
        try:
            status, headers, answer = self._ask(self.command, self.path, body)
        except OSError:
            status, headers, answer = 503, [], b""  # as those in front of Let's Encrypt say it
        self._send(status, headers, answer)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask pebble, which makes its links of the Host that was asked for."""
        connection = http.client.HTTPSConnection(*self.pebble, timeout=TIMEOUT_S, context=self.trust)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _send(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: pebble has a log."""


def _decoded(part: str) -> dict[str, Any]:
    """Return a part of a JWS; of one without content, nothing."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) or b"{}")
    return found


def start(door: Door, address: tuple[str, int], pebble: tuple[str, int], trusted: bytes, certificate: Path) -> int:
    """Serve in threads of this process, in front of `pebble`; return the port, which is a free one for 0.

    `certificate` is a file with the key and the certificate of both, for which `trusted` vouches.
    """
    trust = ssl.create_default_context(cadata=trusted.decode())
    handler = type("DoorHandler", (Handler,), {"door": door, "pebble": pebble, "trust": trust})
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(address, handler)
    # The handshake is the thread's: who says nothing keeps nobody waiting.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
