"""Texts without what identifies people, accounts and machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What it is, by how it looks; the longer before what is a part of it.
_LOOKS = (
    ("<arn>", re.compile(r"arn:aws[\w-]*:\S+")),
    ("<mail address>", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("<host>", re.compile(r"\bec2-[\d-]+\.\S+|\bip-\d+-\d+-\d+-\d+\S*")),
    ("<fingerprint>", re.compile(r"\b(?:SHA256|MD5):[\w+/=:]+")),
    ("<access key>", re.compile(r"\bA(?:KI|SI|RO|ID|GP|NP|PK)A[A-Z0-9]{12,}\b")),
    ("<public key>", re.compile(r"\bAAAA[\w+/]{20,}=*")),
    ("<id>", re.compile(r"\b(?:i|r|o|vol|snap|sg|sgr|subnet|vpc|eni|rtb|igw|acl|key|eipalloc)-[0-9a-f]{8,17}\b")),
    ("<address>", re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")),
    ("<address>", re.compile(r"(?<![\w:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![\w:])", re.IGNORECASE)),
    ("<address>", re.compile(r"(?<![\w:])(?=[0-9a-f:]*::|(?:[0-9a-f]+:){7})[0-9a-f:]{3,39}(?!\w)", re.IGNORECASE)),
    ("<account>", re.compile(r"(?<!\d)\d{12}(?!\d)|(?<!\d)\d{4}-\d{4}-\d{4}(?!\d)")),
    # Whatever else is long and has letters of both cases and digits: a token, a secret key, a session.
    ("<secret>", re.compile(r"\b[0-9a-f]{32,}\b|(?=[\w+/=-]*[a-z])(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*\d)[\w+/=-]{24,}")),
)
# Of a shorter name, every other word would have a part.
SHORTEST_NAME = 3


def masked(text: str, names: Mapping[str, str]) -> str:
    """Return `text` without addresses, ids, keys and the like, and with what stands for each of the `names`.

    Images keep their ids: as a rule they are Canonical's, the same for everybody.
    """
    for name in sorted((name for name in names if len(name) >= SHORTEST_NAME), key=len, reverse=True):
        text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", names[name], text, flags=re.IGNORECASE)
    for what, looks in _LOOKS:
        text = looks.sub(what, text)
    return text


def names_in_roster(text: str) -> Iterable[str]:
    """Return whatever in the lines of a roster may be a person's: its cells, their words, the heads of addresses."""
    for cell in re.split(r"[,;\t\r\n\"]+", text):
        yield cell.strip()
        yield from re.split(r"[\s@.+_-]+", cell)
