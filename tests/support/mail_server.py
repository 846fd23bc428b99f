"""A mail server for tests: it keeps what it accepts, is as slow as it should be, and refuses whom it is told to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

from lab.authority import Authority
from lab.mail_sink import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage
    from pathlib import Path


class MailServer:
    """It insists on STARTTLS, as an instructor's provider does."""

    def __init__(self, folder: Path, refuses: Mapping[str, str] | None = None, seconds: float = 0) -> None:
        """Answer on a free port. `refuses` is what to say to a recipient, by address; a letter takes `seconds`."""
        self.refuses = dict(refuses or {})
        self.seconds = seconds
        self.letters: list[tuple[str, EmailMessage]] = []
        self.most_at_once = self._at_once = 0
        file = folder / "certificate.pem"
        file.write_bytes(Authority().issue(["localhost", HOST]))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        with socket.create_server((HOST, 0)) as free:
            self.port = int(free.getsockname()[1])
        self._controller = Controller(self, HOST, self.port, tls_context=context, require_starttls=True)
        self._controller.start()

    @property
    def addresses(self) -> list[str]:
        """To whom letters went, in the order of the alphabet."""
        return sorted(address for address, _ in self.letters)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Accept a recipient, or not."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a letter."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(self.seconds)
        self._at_once -= 1
        message = message_from_bytes(envelope.content, policy=default)
        self.letters += [(address, message) for address in envelope.rcpt_tos]
        return "250 Kept"

    def close(self) -> None:
        """Answer no more."""
        self._controller.stop()
