"""Somebody between a sender and the right mail server: who reads what passes, and answers in the server's place."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.authority import Authority
from lab.mail_sink import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.support.mail_server import MailServer

PASSES = "passes"  # all on
STRIPS = "strips"  # hides that the server can encrypt, does so itself, and lets it offer a login in the clear
ANSWERS = "answers"  # encrypts on both sides, for the sender with a certificate of its own
INJECTS = "injects"  # adds answers in the clear to the server's last one before it encrypts
GOES_ON = "goes_on"  # agrees to encrypt, and then answers in the clear
# What the server would say to EHLO, the login and a letter.
INJECTED = b"250-mail\r\n250 AUTH LOGIN PLAIN\r\n235 Welcome\r\n250 OK\r\n250 OK\r\n354 Go on\r\n250 Kept\r\n"
TLS = b"\x16\x03"  # how it begins
WAIT_S = 20


class MailProxy:
    """It stands before a mail server, whether that has STARTTLS or TLS from the first byte."""

    def __init__(self, server: MailServer, attack: str = PASSES) -> None:
        """Answer on a free port."""
        self.read = b""  # what senders said, as far as it could be read here; what is encrypted, as it is
        self.connections = 0
        self._attack, self.server = attack, server
        certificate = server.folder / "proxy.pem"
        certificate.write_bytes(Authority().issue([HOST, "localhost"]))
        self._own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._own.load_cert_chain(certificate)
        # An attacker need not care who the server is.
        self._any = ssl.create_default_context()
        self._any.check_hostname, self._any.verify_mode = False, ssl.CERT_NONE
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._from_first_byte = attack == ANSWERS and server.security == "implicit"
        encrypted = self._own if self._from_first_byte else None
        self._listener = self._wait_for(asyncio.start_server(self._stand_between, HOST, 0, ssl=encrypted))
        self.port = int(self._listener.sockets[0].getsockname()[1])

    @property
    def commands(self) -> list[str]:
        """The first word of each line that was read, until the sender began to encrypt and that could not be read."""
        return [line.split()[0].decode().upper() for line in self.read.partition(TLS)[0].splitlines()]

    def learned(self, secret: str) -> bool:
        """Say whether a secret was read, as it is or in base64, as logins are sent."""
        return any(secret.encode() in text for word in self.read.split() for text in (word, _decoded(word)))

    def close(self) -> None:
        """Answer no more."""

        async def end() -> None:
            self._listener.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._wait_for(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    async def _stand_between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one sender until one of both sides hangs up."""
        self.connections += 1
        sender = _Side(reader, writer)
        encrypted = self._any if self._from_first_byte else None
        server = _Side(*await asyncio.open_connection(HOST, self.server.port, ssl=encrypted))
        try:
            await self._begin(sender, server)
            await asyncio.gather(_pass_on(sender, server, self._keep), _pass_on(server, sender, lambda _said: None))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a sender that does not go along hangs up, or nobody waits for it any more
        finally:
            sender.writer.close()
            server.writer.close()

    async def _begin(self, sender: _Side, server: _Side) -> None:
        """Do what is special about this attack; whatever comes then is passed on and read."""
        if self._from_first_byte:
            return
        if self._attack in (STRIPS, ANSWERS):
            greeting = await server.answer()
            await server.ask(b"EHLO proxy\r\n")
            await server.ask(b"STARTTLS\r\n")
            await server.writer.start_tls(self._any)
            sender.writer.write(greeting)
            if self._attack == ANSWERS:
                await self._hear(sender)
                sender.writer.write(b"250-mail\r\n250 STARTTLS\r\n")
                await self._hear(sender)
                sender.writer.write(b"220 Ready\r\n")
                await sender.writer.start_tls(self._own)
        elif self._attack in (INJECTS, GOES_ON):
            sender.writer.write(await server.answer())
            sender.writer.write(await server.ask(await self._hear(sender)))
            ready = await server.ask(await self._hear(sender))
            if self._attack == INJECTS:
                sender.writer.write(ready + INJECTED)
            else:
                sender.writer.write(ready)
                self._keep(await sender.reader.read(65536))  # how TLS begins
                sender.writer.write(INJECTED)

    async def _hear(self, sender: _Side) -> bytes:
        """Return a line of the sender's."""
        line = await sender.reader.readuntil()
        self._keep(line)
        return line

    def _keep(self, said: bytes) -> None:
        self.read += said


@dataclass
class _Side:
    """One of both that are spoken to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, command: bytes) -> bytes:
        """Return what it says to a command."""
        self.writer.write(command)
        return await self.answer()

    async def answer(self) -> bytes:
        """Return its next answer, which may have several lines."""
        answer = line = await self.reader.readuntil()
        while line[3:4] == b"-":
            line = await self.reader.readuntil()
            answer += line
        return answer


async def _pass_on(source: _Side, target: _Side, keep: Callable[[bytes], None]) -> None:
    """Pass on what comes until one side hangs up, and let the other one know."""
    with suppress(OSError):
        while said := await source.reader.read(65536):
            keep(said)
            target.writer.write(said)
            await target.writer.drain()
    target.writer.close()


def _decoded(word: bytes) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except binascii.Error:
        return b""
