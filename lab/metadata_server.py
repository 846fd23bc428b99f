"""The instance metadata service, at 169.254.169.254 for hosts: versions 1 and 2, as the instance's options say.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import socket
import struct
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

from lab import layout, metadata
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from email.message import Message

TOKEN_PATH = "/latest/api/token"  # noqa: S105 - a path
TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105 - a header's name
TTL = f"{TOKEN}-ttl-seconds"
MOST_SECONDS = 21600
PORT = 80


class Instances(Protocol):
    """Who knows the instances that ask."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Whoever reads instances holds it."""

    def instance_at(self, address: str) -> Any:
        """Return the instance whose host has `address`; None where there is none."""


class Tokens:
    """Session tokens. Each carries its instance and its end, signed; nothing is kept, and all end with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Tell the time, in seconds, by `clock`."""
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def make(self, instance_id: str, seconds: int) -> str:
        """Return a token that is good for so many seconds, for this instance."""
        end = struct.pack(">d", self._clock() + seconds)
        return base64.urlsafe_b64encode(end + self._signature(instance_id, end)).decode()

    def good(self, token: str, instance_id: str) -> bool:
        """Tell whether it is this instance's and has not ended."""
        try:
            carried = base64.urlsafe_b64decode(token)
        except ValueError:
            return False
        end, signature = carried[:8], carried[8:]
        if not hmac.compare_digest(signature, self._signature(instance_id, end)):
            return False
        return bool(self._clock() < struct.unpack(">d", end)[0])

    def _signature(self, instance_id: str, end: bytes) -> bytes:
        return hmac.digest(self._key, end + instance_id.encode(), "sha256")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, and how many hops it may travel; None is as many as anything else."""

    status: HTTPStatus
    body: bytes = b""
    kind: str = "text/plain"
    ttl: int | None = None  # of a token, in seconds
    hops: int | None = None


def refusal(status: HTTPStatus) -> Answer:
    """Return an answer that is an error: a page, as a script finds it that forgets to look at the status."""
    title = f"{status.value} - {status.phrase}"
    page = f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
    return Answer(status, page.encode(), "text/html")


FORBIDDEN = Answer(HTTPStatus.FORBIDDEN)


def answer_put(instance: Any, path: str, headers: Message, tokens: Tokens) -> Answer:
    """Begin a session. Only at the one path, not through a proxy, and for 1 to 21600 seconds."""
    if path != TOKEN_PATH or "X-Forwarded-For" in headers:
        return FORBIDDEN
    seconds = int(asked[0]) if (asked := re.fullmatch(r"[0-9]{1,5}", headers.get(TTL, ""))) else 0
    if not 1 <= seconds <= MOST_SECONDS:
        return refusal(HTTPStatus.BAD_REQUEST)
    return Answer(HTTPStatus.OK, tokens.make(instance.id, seconds).encode(), ttl=seconds)


def answer_get(instance: Any, path: str, headers: Message, tokens: Tokens) -> Answer:
    """Tell what is at `path`: to who has a token, and without one where the options make it optional."""
    token = headers.get(TOKEN)
    if token is None and instance.metadata_options.http_tokens == "required":
        return refusal(HTTPStatus.UNAUTHORIZED)
    if token is not None and not tokens.good(token, instance.id):
        return refusal(HTTPStatus.UNAUTHORIZED)
    told = metadata.read(instance, path)
    if told is None:
        return refusal(HTTPStatus.NOT_FOUND)
    is_user_data = path.split("/")[2:] == ["user-data"]
    return Answer(HTTPStatus.OK, told, "application/octet-stream" if is_user_data else "text/plain")


class Handler(BaseHTTPRequestHandler):
    """Answers GET, HEAD and PUT of the instance whose host has the asker's address."""

    protocol_version = "HTTP/1.1"
    timeout = 60  # a host that was cut off must not hold a thread for ever
    instances: Instances
    tokens: Tokens

    def version_string(self) -> str:
        """Return the name by which some programs know that they run on EC2."""
        return "EC2ws"

    def do_GET(self) -> None:
        """Tell."""
        self._send(self._answer(answer_get))

    def do_HEAD(self) -> None:
        """Send what GET would send before the body."""
        self._send(self._answer(answer_get), body=False)

    def do_PUT(self) -> None:
        """Begin a session."""
        answer = self._answer(answer_put)
        if answer.hops is not None:
            self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, answer.hops)
        # What is sent again, too, has to leave with this hop limit: nothing else goes over this connection.
        self.close_connection = True
        self._send(answer)

    def _answer(self, how: Callable[[Any, str, Message, Tokens], Answer]) -> Answer:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        with self.instances.lock:
            instance = self.instances.instance_at(self.client_address[0])
            if instance is None:
                return refusal(HTTPStatus.NOT_FOUND)
            options = instance.metadata_options
            answer = how(instance, path, self.headers, self.tokens) if options.http_endpoint == "enabled" else FORBIDDEN
            return replace(answer, hops=int(options.http_put_response_hop_limit))

    def _send(self, answer: Answer, *, body: bool = True) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.ttl is not None:
            self.send_header(TTL, str(answer.ttl))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: programs on hosts may ask every second."""


class Server(ThreadingHTTPServer):
    """A thread per connection, none of which keeps the process alive."""

    daemon_threads = True
    request_queue_size = 256  # a whole class boots at once


def make(
    instances: Instances, tokens: Tokens, address: str = layout.METADATA_ADDRESS, port: int = PORT
) -> ThreadingHTTPServer:
    """Return a server, bound and ready to `serve_forever`."""
    return Server((address, port), type("BoundHandler", (Handler,), {"instances": instances, "tokens": tokens}))


def start(instances: Instances) -> None:
    """Serve the hosts in threads of this process until it ends. Raises LabError where their network is not up."""
    with ThreadPoolExecutor(1) as elsewhere:
        server = elsewhere.submit(_make_in_namespace, instances).result()
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _make_in_namespace(instances: Instances) -> ThreadingHTTPServer:
    """Bind in the metadata service's network namespace. The thread stays in it, and so does the socket it makes."""
    try:
        with (layout.NAMESPACES / layout.METADATA_NAMESPACE).open() as namespace:
            os.setns(namespace.fileno(), os.CLONE_NEWNET)
    except OSError as error:
        raise LabError(f"The metadata service has no network ({error}). Bring it up:  python -m lab up") from error
    return make(instances, Tokens())
