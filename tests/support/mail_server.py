"""A mail server for tests: it keeps what it accepts, is as slow as it should be, and refuses whom it is told to."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from lab.authority import Authority
from lab.mail_sink import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from email.message import EmailMessage
    from pathlib import Path

SENDER = "class@example.com"
THROTTLED = "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"
EXPIRED = "535 5.7.3 Authentication unsuccessful"


@dataclass
class MailServer:
    """It insists on STARTTLS, as an instructor's provider does. All of it may be changed while it runs."""

    folder: Path
    # What it is: the names of its certificate, for how many days that is valid, and how it is encrypted.
    names: Sequence[str] = ("localhost", HOST)
    days: int = 3650
    security: str = "starttls"  # or "implicit", or "none"
    # What it wants: `logins` are passwords by username, or access tokens; without any, nobody logs in.
    logins: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    # What it says: to a recipient, by address; or instead of accepting a letter, one after the other.
    refuses: dict[str, str] = field(default_factory=dict)
    puts_off: dict[str, list[str]] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    # How it is: a letter takes `seconds`; it hangs up after so many of a connection; more connections are too many.
    seconds: float = 0
    hangs_up_after: int = 0
    most_connections: int = 0
    # Called before a letter is accepted, with how many were.
    before: Callable[[int], None] = lambda _count: None
    # What it has seen.
    letters: list[tuple[str, EmailMessage]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # all passwords and tokens that it was given
    connections: int = 0
    throttled: int = 0  # how often it said that there are too many connections
    most_at_once: int = 0

    def __post_init__(self) -> None:
        """Answer on a free port."""
        authority = Authority()
        self.folder.mkdir(exist_ok=True)
        self.ca_file = self.folder / "authority.pem"
        self.ca_file.write_bytes(authority.certificate)
        file = self.folder / "certificate.pem"
        file.write_bytes(authority.issue(self.names, self.days))
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(file)
        self._at_once = 0
        self._open: set[int] = set()
        with socket.create_server((HOST, 0)) as free:
            self.port = int(free.getsockname()[1])
        implicit = self._context if self.security == "implicit" else None
        self._controller = _Controller(self, HOST, self.port, ssl_context=implicit)
        self._controller.start()
        self.connections = 0  # the controller has tried whether it answers

    def protocol(self) -> SMTP:
        """Return what speaks to one client."""
        with_login = bool(self.logins or self.tokens)
        encrypts = self._context if self.security == "starttls" else None
        return _Protocol(
            self,
            tls_context=encrypts,
            require_starttls=bool(encrypts),
            authenticator=self.authenticate,
            auth_required=with_login,
            auth_require_tls=self.security == "starttls",
            auth_exclude_mechanism=["PLAIN", "LOGIN"] if self.tokens else ["XOAUTH2"],
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What a class has to set to send through it."""
        return {
            "class_smtp_host": HOST,
            "class_smtp_port": self.port,
            "class_smtp_ca_file": str(self.ca_file),
            "class_mail_from": f"Course <{SENDER}>",
        }

    @property
    def addresses(self) -> list[str]:
        """To whom letters went, in the order of the alphabet."""
        return sorted(address for address, _ in self.letters)

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        """Look at a password."""
        assert isinstance(login, LoginPassword)
        username, password = login.login.decode(), login.password.decode()
        self.seen.append(password)
        return AuthResult(success=self.logins.get(username) == password, handled=False, auth_data=(username, ""))

    async def auth_XOAUTH2(self, server: Any, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Look at an access token, as Google and Microsoft do: what is wrong is said before it is refused."""
        told = dict(part.split("=", 1) for part in base64.b64decode(args[1]).decode().split("\1") if part)
        username, token = told["user"], told["auth"].removeprefix("Bearer ")
        self.seen.append(token)
        if token in self.tokens.get(username, set()):
            return AuthResult(success=True, auth_data=(username, token))
        await server.challenge_auth('{"status":"401"}')
        await server.push(EXPIRED)
        return AuthResult(success=False, handled=True)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Begin a letter, unless the token has expired by now, or the client had its share."""
        username, token = session.auth_data or ("", "")
        if token and token not in self.tokens[username]:
            return "530 5.7.57 Client not authenticated to send mail"
        if self.hangs_up_after and server.accepted == self.hangs_up_after:
            server.transport.close()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Accept a recipient, or not."""
        if address in self.refuses:
            return self.refuses[address]
        if self.puts_off.get(address):
            return self.puts_off[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a letter."""
        if self.most_connections and len(self._open) > self.most_connections:
            self.throttled += 1
            return THROTTLED
        if self.answers:
            return self.answers.pop(0)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._at_once -= 1
        self.before(len(self.letters))
        message = message_from_bytes(envelope.content, policy=default)
        self.letters += [(address, message) for address in envelope.rcpt_tos]
        server.accepted += 1
        return "250 Kept"

    def opened(self, connection: int) -> None:
        """Count a connection."""
        self.connections += 1
        self._open.add(connection)

    def closed(self, connection: int) -> None:
        """Count it no more."""
        self._open.discard(connection)

    def close(self) -> None:
        """Answer no more."""
        self._controller.stop()


class _Controller(Controller):  # type: ignore[misc]  # aiosmtpd has no types
    def factory(self) -> SMTP:
        return self.handler.protocol()


class _Protocol(SMTP):  # type: ignore[misc]  # aiosmtpd has no types
    accepted = 0

    def connection_made(self, transport: Any) -> None:
        if self.transport is None:  # and not once more, when it is encrypted
            self.event_handler.opened(id(self))
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.closed(id(self))
        super().connection_lost(error)
