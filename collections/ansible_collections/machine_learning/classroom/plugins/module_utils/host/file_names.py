"""Names of files: as bytes, as text, and as they may stand in a message.

Paths are text in which bytes that are not UTF-8 are surrogates, whatever the machine's locale: the same text travels
through JSON and becomes the same bytes again (`raw`).
"""

from __future__ import annotations

import os
import unicodedata


def raw(path: str) -> bytes:
    """Return the bytes that the file system knows `path` by."""
    return path.encode("utf-8", "surrogateescape")


def text(name: str | bytes) -> str:
    """Return `name` as our text, whatever encoding this Python uses for file names."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def composed(path: str) -> str:
    """Return `path` with composed letters (NFC): a Mac may write ü as u and two dots (NFD), and means the same file."""
    return unicodedata.normalize("NFC", path)


def printable(path: str) -> str:
    """Return `path` as it may stand in a message: one line, no control characters, not endless."""
    shown = in_one_line(path)
    return shown if len(shown) <= 120 else f"{shown[:80]}…{shown[-39:]}"


def in_one_line(path: str) -> str:
    """Return `path` in one line and without control characters, however long it is."""
    return "".join(
        c if c.isprintable() else f"\\x{ord(c) & 0xFF:02x}" if ord(c) < 0x20 or 0xDC80 <= ord(c) <= 0xDCFF else "?"
        for c in path
    )
