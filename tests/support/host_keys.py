"""ssh host keys of machines that do not exist."""

from __future__ import annotations

import base64
import hashlib
import struct


def public_key(kind: str, *fields: bytes) -> str:
    """Return a public key as ssh writes it, in base64: its kind and its `fields`, each behind its length."""
    blob = b"".join(struct.pack(">I", len(field)) + field for field in (kind.encode(), *fields))
    return base64.b64encode(blob).decode()


def ed25519(of: str) -> str:
    """Return the Ed25519 key of somebody: always the same one, of which nobody has the other half."""
    return public_key("ssh-ed25519", hashlib.sha256(of.encode()).digest())
