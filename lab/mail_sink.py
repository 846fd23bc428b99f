"""A mail server that keeps every message as a file and sends none on.

It insists on STARTTLS and on the right password, as an instructor's provider does. Its certificate is an authority's
that no computer knows unless it is told of it.
"""

from __future__ import annotations

import hmac
import ssl
import threading
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from lab import layout
from lab.authority import Authority
from lab.state import Secrets, write_private

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"


class Sink:
    """Receives mail into a folder."""

    def __init__(self, folder: Path, own: Secrets) -> None:
        """Keep messages in `folder` as 0001.eml, 0002.eml, …, whatever earlier runs left there."""
        self._folder = folder
        self._own = own
        self._lock = threading.Lock()
        self._last = max((int(path.stem) for path in folder.glob("[0-9]*.eml")), default=0)

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        """Accept the lab's own user and password; no word about which of them was wrong."""
        right = (self._own.mail_user.encode(), self._own.mail_password.encode())
        given = (login.login, login.password) if isinstance(login, LoginPassword) else (b"", b"")
        matches = [hmac.compare_digest(one, other) for one, other in zip(given, right, strict=True)]
        return AuthResult(success=all(matches), handled=False)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one message, with the addresses of its envelope on top, as a mail server does on delivery."""
        top = f"Return-Path: <{envelope.mail_from}>\n"
        top += "".join(f"Delivered-To: {address}\n" for address in envelope.rcpt_tos)
        with self._lock:
            self._last += 1
            path = self._folder / f"{self._last:04}.eml"
        write_private(path, top.encode() + envelope.content.replace(b"\r\n", b"\n"))
        return f"250 Kept as {path.name}"


def start(own: Secrets) -> None:
    """Serve in threads of this process until it ends."""
    if not layout.AUTHORITY.exists():
        authority = Authority()
        write_private(layout.CERTIFICATE, authority.issue(["localhost", HOST]))
        write_private(layout.AUTHORITY, authority.certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(layout.CERTIFICATE)
    sink = Sink(layout.MAIL, own)
    Controller(
        sink,
        hostname=HOST,
        port=layout.MAIL_PORT,
        tls_context=context,
        require_starttls=True,
        authenticator=sink.authenticate,
        auth_required=True,
        server_hostname="mail.lab.example.com",
    ).start()
