"""What the front looks up: who is at home under which name, whom a link's secret lets in, Jupyter's tokens, and words.

By its word a student's stable page, which may be older than the machine's address, knows the machine.

HAProxy reads these files as maps: a line is a key, a space, and what it stands for.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOSTS, KEYS, TOKENS, WORDS = "hosts.map", "keys.map", "tokens.map", "words.map"
"""The names of the files."""

CLOSED: dict[str, str] = dict.fromkeys((HOSTS, KEYS), "")
"""Files with which nobody gets in."""

SHORTEST_SECRET = 22
"""Characters of a link's secret, and of a word, at least: 128 bits in URL-safe base64. Guesses are not counted."""

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class GateError(ValueError):
    """The front would let in whom it should not; the message, which has no secret, says why."""


def maps(
    hosts: Mapping[str, str],
    secrets: Mapping[str, str],
    tokens: Mapping[str, str],
    words: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the text of each file, by its name; all arguments are by username; who has no page has no word.

    Of secrets only their SHA-256 is kept: whoever read the file could open nothing. Raise GateError where two students
    would meet.
    """
    names, words = sorted(hosts), words or {}
    if len({host.lower() for host in hosts.values()}) < len(hosts):
        raise GateError(
            f"{', '.join(names)} have one address for their browsers, so a page of one could act for the other. "
            "Without a name for each student, https is for machines of one student."
        )
    for username in names:
        if not _unguessable(secrets.get(username, "")):
            raise GateError(f"{username} has no link with a secret of {SHORTEST_SECRET} letters and digits or more.")
        if not tokens.get(username):
            raise GateError(f"{username} has no token for Jupyter.")
        if username in words and not _unguessable(words[username]):
            raise GateError(f"{username} has a page, but no word of {SHORTEST_SECRET} letters and digits or more.")
    if len({secrets[username] for username in names}) < len(names):
        raise GateError(f"Two of {', '.join(names)} have the same secret in their links.")
    return {
        HOSTS: _lines((hosts[username].lower(), username) for username in names),
        KEYS: _lines((digest(secrets[username]), username) for username in names),
        TOKENS: _lines((username, tokens[username]) for username in names),
        # As HAProxy takes the key of `hmac`.
        WORDS: _lines((name, base64.b64encode(words[name].encode()).decode()) for name in names if name in words),
    }


def digest(secret: str) -> str:
    """Return a link's secret as HAProxy's `sha2(256),hex` writes it."""
    return hashlib.sha256(secret.encode()).hexdigest().upper()


def lost(before: str, after: str) -> bool:
    """Say whether a map of before has a line that is no longer in that of `after`."""
    return not set(before.splitlines()) <= set(after.splitlines())


def _unguessable(secret: str) -> bool:
    return len(secret) >= SHORTEST_SECRET and set(secret) <= _SAFE


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{key} {value}\n" for key, value in pairs)
