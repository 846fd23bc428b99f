"""Each student's password and token: made once, kept at home, never printed."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from passlib.hash import sha512_crypt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Read aloud or copied by hand, none of these is mistaken for another: no i, l, o, 0 or 1.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# 12 characters are 59 bits, far beyond guessing through sshd; 24 characters are 119 bits.
PASSWORD_GROUPS, TOKEN_CHARACTERS = 3, 24
# Random passwords need no slow hash; this is what glibc uses by default.
HASH_ROUNDS = 5000


class Credential(TypedDict):
    """What a student gets in with."""

    username: str
    password: str
    password_hash: str
    token: str


def make_credential(username: str) -> Credential:
    """Make a new password, its SHA-512 crypt(5) hash, and a token."""
    password = "-".join(_letters(4) for _ in range(PASSWORD_GROUPS))
    return {
        "username": username,
        "password": password,
        "password_hash": sha512_crypt.using(rounds=HASH_ROUNDS).hash(password),
        "token": _letters(TOKEN_CHARACTERS),
    }


def read_credentials(path: str) -> dict[str, Credential]:
    """Read the credentials by e-mail address; an absent file holds none."""
    if not os.path.exists(path):
        return {}
    kept: dict[str, Credential] = json.loads(Path(path).read_text())
    return kept


def complete(
    kept: Mapping[str, Credential], students: Iterable[Mapping[str, str]]
) -> tuple[dict[str, Credential], list[str]]:
    """Give a credential to each student who has none.

    A student is an e-mail address, whatever the username is. Returns all credentials, including those of students who
    left, and the usernames of the new ones.
    """
    credentials = dict(kept)
    new = []
    for student in students:
        email, username = student["email"].casefold(), student["username"]
        if email not in credentials:
            credentials[email] = make_credential(username)
            new.append(username)
        elif credentials[email]["username"] != username:
            credentials[email] = {**credentials[email], "username": username}
            new.append(username)
    return credentials, new


def write_credentials(path: str, credentials: Mapping[str, Credential]) -> None:
    """Replace the file at `path` atomically; it is readable by its owner alone from the first byte on."""
    handle, beside = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".credentials-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as out:
        json.dump(credentials, out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    os.replace(beside, path)


def _letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
