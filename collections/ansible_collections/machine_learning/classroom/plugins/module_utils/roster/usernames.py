"""Usernames: what an account of a machine may be called, and what is made of an address."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path

# useradd(8): names may only be up to 32 characters long.
LONGEST_USERNAME = 32
# Of a username that is cut short; 16^6 of them make it unlikely that two students of a class get the same.
DIGEST_CHARACTERS = 6
IMAGE_NAMES = Path(__file__).with_name("image_names.json")

# Accounts and groups that a machine has already, so that no student may bear their name.
RESERVED = frozenset(name for image in json.loads(IMAGE_NAMES.read_text()).values() for name in image["names"])


def username_of(email: str) -> str:
    r"""Make a username: the part before `@`, everything but ASCII letters and digits removed, lower case.

    Accents go, and of a login of Windows, such as UNI\ada, the domain.
    """
    bare = email.partition("@")[0].rpartition("\\")[2]
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", bare.lower()))


def fault_of(username: str) -> str:
    """Say what is wrong with a username; empty if nothing is."""
    if not re.fullmatch(r"[a-z0-9]+", username):
        return "has other characters than a-z and 0-9"
    if not username[0].isalpha():
        return "begins with a digit"
    if username in RESERVED:
        return "is taken by the system"
    if len(username) > LONGEST_USERNAME:
        return f"is longer than {LONGEST_USERNAME} characters"
    return ""


def proposed(email: str) -> str:
    """Make a username of any address, from nothing but the address: who else is in the class does not matter.

    What cannot be a username gets an `s` in front; what is too long is cut, and told apart by a digest of the whole.
    """
    plain = username_of(email)
    named = f"s{plain}" if not plain[:1].isalpha() or plain in RESERVED else plain
    if plain and len(named) <= LONGEST_USERNAME:
        return named
    digest = hashlib.sha256(email.casefold().encode()).hexdigest()[:DIGEST_CHARACTERS]
    return named[: LONGEST_USERNAME - DIGEST_CHARACTERS] + digest


def username_for(email: str, wish: str) -> str:
    """Return a username that fits: what a platform calls the student, made into one, or what the address gives."""
    return next((made for each in (wish, email) if not fault_of(made := username_of(each))), "") or proposed(email)
