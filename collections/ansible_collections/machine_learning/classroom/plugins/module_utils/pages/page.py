"""A student's stable page: what stands in it, and where it is kept.

Everybody may read it who knows its address, so its address is a secret, and no name is in either.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

WAY = ">WAY<"
"""In the page's text, where to lead whom, instead of which each student's own stands there."""

KEYS = ("page", "page_word")
"""What a student's credentials call the address and the word."""

# Nothing that a mail program could take for the end of a sentence, and leave out of the link.
WORD_BYTES = 20


class PageError(ValueError):
    """There can be no such page; the message says why, without a secret."""


@dataclass(frozen=True)
class Page:
    """Where one student is led; nowhere, where there is no machine yet."""

    address: str
    """What nobody guesses, behind the name of the bucket."""
    word: str
    """What the machine must prove to know before it is sent a secret."""
    host: str = ""
    """The machine in the address bar; empty: there is none."""
    secret: str = ""
    """Of the link that opens it."""

    def content(self, template: str) -> bytes:
        """Return the page's text. Raises PageError for a template that has no place for the way, or several."""
        if template.count(WAY) != 1:
            raise PageError(f"The page needs {WAY} in just one place.")
        way = json.dumps({"host": self.host.lower(), "secret": self.secret, "word": self.word}).replace("<", "\\u003c")
        return template.replace(WAY, f">{way}<").encode()


def etag(content: bytes) -> str:
    """Return what S3 calls such a content.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: as it encrypts by default, the MD5.
    """
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def new_page() -> dict[str, str]:
    """Return the address of a page, and its word, of 160 bits each, as a student's credentials have them."""
    return {key: secrets.token_hex(WORD_BYTES) for key in KEYS}


def give_pages(credentials: MutableMapping[str, Any], students: Iterable[Mapping[str, str]]) -> bool:
    """Give a page to each of the students who has none, by e-mail address; returns whether there was one."""
    without = [email for student in students if KEYS[0] not in credentials[email := student["email"].casefold()]]
    for email in without:
        credentials[email] = {**credentials[email], **new_page()}
    return bool(without)


def pages_of(accounts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the page of each student who has one, as `Page` takes it; it leads to the machine if there is a link."""
    return [
        {
            "address": account["page"],
            "word": account["page_word"],
            "host": account.get("link_host", ""),
            "secret": account.get("link_secret", ""),
        }
        for account in accounts.values()
        if "page" in account
    ]


def stable_link(url: str, credential: Mapping[str, Any]) -> str:
    """Return the address of a student's page; "" where pages are nowhere, or the student has none."""
    return f"{url}/{credential['page']}" if url and "page" in credential else ""
