"""Letters to students: mail messages, and what decides whether one must be sent again."""

from __future__ import annotations

import hashlib
import json
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a student needs to get in; a letter is out of date as soon as one of them changes.
ACCESS = ("email", "username", "port", "password", "token")


def mailbox(name: str, email: str) -> str:
    """Write a name and an address as one mailbox, whatever characters the name has."""
    return formataddr((name, email))


def eml(body: str, *, sender: str, name: str, email: str, subject: str) -> str:
    """Make the text of an `.eml` file that mail programs open as a draft, ready to be sent.

    `sender` is a mailbox (`Course <course@example.org>`) or empty. The text stays readable for people: 8bit, unwrapped.
    """
    message = EmailMessage(policy=SMTP.clone(linesep="\n", cte_type="8bit", max_line_length=998))
    message["To"] = _address(name, email)
    if sender:
        message["From"] = _address(*parseaddr(sender))
    message["Subject"] = subject
    message["X-Unsent"] = "1"
    message.set_content(body, cte="8bit")
    return message.as_bytes().decode()


def access_digest(student: Mapping[str, Any], seat: str, address: str) -> str:
    """Hash all that the student needs to get in, so that a receipt tells whether the letter still holds."""
    facts = [seat, address, *(str(student[fact]) for fact in ACCESS)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def letter_due(receipt: str, digest: str) -> bool:
    """Say whether the letter has to be sent: no `receipt` (the JSON that was kept, or ""), or one for other facts."""
    return not receipt or json.loads(receipt).get("digest") != digest


def _address(name: str, email: str) -> Address:
    return Address(display_name=name, addr_spec=email)
