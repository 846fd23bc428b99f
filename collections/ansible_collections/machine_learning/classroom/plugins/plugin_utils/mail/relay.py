"""The relay: a mail server on this computer, for one run, through which the class's letters go to the real one.

`community.general.mail` does not verify whom it speaks to; here that does no harm, as it speaks to this process alone.
Run as a process: what it has to do comes as one line of JSON on its standard input, and when that ends, so does the
relay, whatever has become of the run. It says its port, and then what became of each letter, in a line of JSON each.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import re
import signal
import ssl
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.submission import Refusal, Submission

try:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    pass  # send_letters names what is missing

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
ENDED = "the run was ended"
# Longer than any letter waits here; the run itself ends sooner.
IDLE_S = 24 * 3600
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 60.0
# A server that counts letters in a minute and one that is a little early make one too many.
MARGIN = 1.05
# How long a letter that the server has is waited for when the run has ended.
GRACE_S = 60
MESSAGE_ID = re.compile(rb"^Message-ID:.*\r\n", re.IGNORECASE | re.MULTILINE)


class Letter(TypedDict):
    """A letter that may go through: to whom, and what is kept when it has been accepted."""

    recipient: str
    receipt: dict[str, Any]
    receipt_file: str


class Run(TypedDict):
    """What a relay is told. The letters are by username, which is the login; the password is of this run alone."""

    server: dict[str, Any]
    sender: str
    password: str
    letters: dict[str, Letter]
    per_minute: float
    patience_s: float


class Relay:
    """Takes a letter, and agrees to it only when the server has accepted it and the receipt is written."""

    def __init__(self, run: Run, tell: Callable[[dict[str, Any]], None]) -> None:
        """Tell what becomes of each letter by `tell`."""
        self._run = run
        self._tell = tell
        self._server = Submission(**run["server"])
        self._sending = ThreadPoolExecutor(1)  # one connection, one letter at a time
        self._turn = asyncio.Lock()
        self._interval = MARGIN * 60 / run["per_minute"] if run["per_minute"] else 0.0
        self._next = self._accepted = time.monotonic()
        self._refused_all = ""
        self._under_way: set[asyncio.Task[str]] = set()
        self.over = asyncio.Event()

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        """Let in who has a letter of this run, with the password of this run."""
        given = login.password if isinstance(login, LoginPassword) else b""
        username = login.login.decode(errors="replace") if isinstance(login, LoginPassword) else ""
        right = hmac.compare_digest(given, self._run["password"].encode())
        return AuthResult(success=right and username in self._run["letters"], handled=False, auth_data=username)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take letters of the class's sender alone."""
        if address != self._run["sender"]:
            return "550 not the sender of this class"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take each letter for its own student alone."""
        if address != self._run["letters"][session.auth_data]["recipient"] or envelope.rcpt_tos:
            return "550 not the recipient of this letter"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Answer when the server has."""
        task = asyncio.ensure_future(self._conclude(session.auth_data, envelope.content))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        # Also if whoever brought the letter hangs up: then it is on its way all the same.
        return "554 refused" if await asyncio.shield(task) else "250 accepted"

    async def _conclude(self, username: str, content: bytes) -> str:
        """Say what became of a letter, before whoever brought it is answered."""
        try:
            refused = await self._deliver(self._run["letters"][username], content)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others' letters are sent
            refused = f"{type(error).__name__}: {error}"
        self._tell({"username": username, "refused": refused})
        return refused

    async def _deliver(self, letter: Letter, content: bytes) -> str:
        """Return why the letter was not accepted, or nothing.

        It is tried again until it, or all of them together, have waited for as long as the run has patience.
        """
        came, delay = time.monotonic(), FIRST_DELAY_S
        while True:
            async with self._turn:
                await self._pause(self._next - time.monotonic())
                if self.over.is_set() or self._refused_all:
                    return self._refused_all or ENDED
                self._next = time.monotonic() + self._interval
                try:
                    await asyncio.get_running_loop().run_in_executor(self._sending, self._send, letter, content)
                except Refusal as refusal:
                    latest = min(came, self._accepted) + self._run["patience_s"]
                    again = refusal.again and time.monotonic() + delay < latest
                    if refusal.everybodys and refusal.again:
                        self._next = time.monotonic() + delay
                    elif refusal.everybodys:
                        self._refused_all = str(refusal)
                    if not again:
                        return str(refusal)
                else:
                    self._accepted = time.monotonic()
                    return ""
            await self._pause(delay)
            delay = min(2 * delay, LONGEST_DELAY_S)

    def _send(self, letter: Letter, content: bytes) -> None:
        """Send a letter and keep its receipt, in one step for whoever ends the run."""
        receipt = Path(letter["receipt_file"])
        before = receipt.read_bytes() if receipt.exists() else b""
        header = message_id(letter["receipt"], before, self._run["sender"])
        self._server.send(self._run["sender"], letter["recipient"], MESSAGE_ID.sub(header, content, count=1))
        kept = {**letter["receipt"], "accepted": f"{datetime.now(UTC):%Y-%m-%d %H:%M UTC}"}
        try:
            write_bytes(letter["receipt_file"], (json.dumps(kept, indent=1) + "\n").encode())
        except OSError as error:
            raise Refusal(f"it was sent, but its receipt cannot be kept ({error}): it will be sent again") from error

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than the run lasts."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), seconds)

    async def serve(self) -> None:
        """Answer on a free port until the run is over, and for as long as the server takes to accept what it has."""
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            return SMTP(
                self,
                hostname="localhost",
                timeout=IDLE_S,
                authenticator=self.authenticate,
                auth_required=True,
                auth_require_tls=False,  # it is there from the first byte, of which aiosmtpd does not know
                loop=loop,
            )

        server = await loop.create_server(protocol, HOST, 0, ssl=_encryption())
        self._tell({"port": server.sockets[0].getsockname()[1]})
        await self.over.wait()
        server.close()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=GRACE_S)
        if not self._under_way:
            self._server.close()


def message_id(receipt: dict[str, Any], before: bytes, sender: str) -> bytes:
    """Return a header that is the same whenever the same change is told, and another for every other letter.

    A server that has a letter, and is cut off before it says so, gets it again; a mailbox that has both then shows one.
    `before` is the receipt of the letter before.
    """
    told = hashlib.sha256(json.dumps(receipt, sort_keys=True).encode() + before).hexdigest()[:32]
    return f"Message-ID: <{told}@{sender.rpartition('@')[2]}>\r\n".encode()


def _encryption() -> ssl.SSLContext:
    """Return what encrypts, with a key that nobody keeps: without it, the module warns of a login in the clear."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=7))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile() as file:  # OpenSSL reads them from files alone
        file.write(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _tell(line: dict[str, Any]) -> None:
    with suppress(OSError):  # nobody is there any more
        print(json.dumps(line), flush=True)


async def _serve(run: Run) -> None:
    relay, loop = Relay(run, _tell), asyncio.get_running_loop()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(relay.over.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    # Whoever began this holds these back, so that letters on their way arrive; here they only end the waiting.
    loop.add_signal_handler(signal.SIGTERM, relay.over.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    await relay.serve()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(_serve(json.loads(sys.stdin.readline())))
    os._exit(0)  # without waiting for a server that does not answer
