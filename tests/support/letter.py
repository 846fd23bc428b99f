"""A student's letter, read as the student reads it: from the mail alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Letter:
    """What a letter says; every fact stands on a line of its own."""

    to: str
    name: str
    tunnel: str
    tunnel_443: str
    fingerprint: str
    password: str
    link: str
    token: str

    @property
    def login(self) -> str:
        """The account and the address: USERNAME@ADDRESS."""
        return self.tunnel.split()[-1]

    @property
    def username(self) -> str:
        """The account."""
        return self.login.partition("@")[0]

    @property
    def address(self) -> str:
        """The machine's address."""
        return self.login.partition("@")[2]

    @property
    def port(self) -> str:
        """The port of the student's Jupyter, on the machine."""
        return _line(r"5005:localhost:(\d+)", self.tunnel)

    @property
    def seat(self) -> str:
        """The machine's name."""
        return _line(r"HostKeyAlias=(\S+)", self.tunnel)


def read_letter(path: Path) -> Letter:
    """Read one `.eml` file."""
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(preferencelist=("plain",))
    if body is None:
        raise AssertionError(f"{path} has no plain text")
    text = body.get_content()
    (mailbox,) = message["To"].addresses
    return Letter(
        to=mailbox.addr_spec,
        name=mailbox.display_name,
        tunnel=_line(r"^(ssh -o ExitOnForwardFailure=yes .*)$", text),
        tunnel_443=_line(r"^(ssh -p 443 .*)$", text),
        fingerprint=_line(r"^(SHA256:\S+)$", text),
        password=_line(r"^Password: (\S+)$", text),
        link=_line(r"^(http://localhost:5005/\S*token=\S+)$", text),
        token=_line(r"^Token: (\S+)$", text),
    )


def https_link(path: Path) -> str:
    """Return the link of an `.eml` file that needs no tunnel."""
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(preferencelist=("plain",))
    return _line(r"^(https://\S+/open/\S+)$", body.get_content() if body else "")


def _line(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise AssertionError(f"nothing in the letter matches {pattern}")
    return found[1]
