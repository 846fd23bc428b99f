"""A student's stable page: what stands in it, and where it is kept.

Everybody may read it who knows its address, so its address is a secret, and no name is in either.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass

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
