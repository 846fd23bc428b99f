"""Addresses of data: as people write them, and as servers are asked for them."""

from __future__ import annotations

import re
import string
import unicodedata
import urllib.parse

_SCHEMES = ("http", "https")
_JOINERS = "\u200c\u200d"  # nobody sees them, but scripts from Arabic on are written with them
_SECOND = re.compile(r"\shttps?://", re.IGNORECASE)
LONGEST_LABEL = 63  # RFC 1035: bytes of what is between two dots of a host's name
# RFC 3986: what may stand in an address as it is. A percent sign that begins no escape may not.
_AS_IT_IS = "".join(sorted(set(string.punctuation) - set('"<>\\^`{|}')))
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class AddressError(Exception):
    """Why nothing can be asked for at an address: the end of a sentence that begins with "its url"."""


def request_url(written: str) -> str:
    """Return the address as it is sent: its host in ASCII (RFC 3492), the rest percent-encoded (RFC 3986), once.

    Raise AddressError for what is no address on the web.
    """
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in written):
        raise AddressError("has a line break or another character in it that nobody sees")
    try:
        parts = urllib.parse.urlsplit(written)
    except ValueError as error:  # brackets that hold no IPv6 address, a host of characters that stand for others
        raise AddressError(f"cannot be read ({error})") from error
    if _SECOND.search(written):
        raise AddressError("is more than one address. Make a data set of each")
    if "@" in parts.netloc:
        raise AddressError("has a login in it, which students could read. Put the data where none is needed")
    host = parts.hostname
    if parts.scheme not in _SCHEMES or not host or host in _SCHEMES:
        raise AddressError(f"must begin with https:// or http://, once, not {written!r}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise AddressError(f"has {parts.netloc.rpartition(':')[2]!r} for a port, which is a number from 1 to 65535")
    unseen = (c for c in parts.path + parts.query if unicodedata.category(c) == "Cf" and c not in _JOINERS)
    if odd := next(unseen, ""):
        raise AddressError(f"has {odd!a} in it, which nobody sees. Type the address again, do not copy it")
    netloc = _ascii_host(host) + (f":{port}" if port else "")
    return urllib.parse.urlunsplit((parts.scheme, netloc, _encoded(parts.path), _encoded(parts.query), ""))


def _ascii_host(host: str) -> str:
    """Return the name of a host as DNS has it.

    Not by Python's codec idna, which is that of 2003: it makes another host of a name with an ß.
    """
    if ":" in host:
        return f"[{host}]"
    name = unicodedata.normalize("NFKC", host).replace("。", ".").removesuffix(".")
    labels = [label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in name.split(".")]
    # Letters and their marks of any script, digits; nothing that looks like one of them and cannot be seen.
    strange = [c for c in name if unicodedata.category(c)[0] not in "LMN" and c not in ".-_"]
    if strange or not all(0 < len(label) <= LONGEST_LABEL for label in labels):
        what = f", because of {strange[0]!a}" if strange else ""
        raise AddressError(f"has {host!r} for a host, which can be none{what}")
    return ".".join(labels)


def _encoded(part: str) -> str:
    return urllib.parse.quote(_NO_ESCAPE.sub("%25", part), safe=_AS_IT_IS)
