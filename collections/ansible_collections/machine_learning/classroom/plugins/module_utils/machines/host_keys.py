"""Machines' ssh host keys: read from their console output, pinned by seat in a known_hosts file.

cloud-init prints a new machine's public host keys to the console, which only the owner of the AWS account can read, so
a key that is pinned from there is known to be the machine's own. A line's comment is the instance id: a machine that
was exchanged is noticed and pinned anew, one that is known is not asked again.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes

_BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----\r?\n(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
_KEY = re.compile(r"((?:ssh|ecdsa)-\S+) ([A-Za-z0-9+/]+={0,2})(?:\s|$)")


@dataclass(frozen=True, order=True)
class HostKey:
    """One public key of one machine."""

    seat: str
    kind: str
    key: str
    instance_id: str

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint as ssh shows it: `SHA256:…`."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        """Write the key as a line of a known_hosts file."""
        return f"{self.seat} {self.kind} {self.key} {self.instance_id}"


def keys_in_console(output: str, seat: str, instance_id: str) -> list[HostKey]:
    """Find the host keys in a machine's console output: those of the last boot that printed any."""
    blocks = _BLOCK.findall(output)
    if not blocks:
        return []
    return [HostKey(seat, kind, key, instance_id) for kind, key in _KEY.findall(blocks[-1])]


def read_known_hosts(path: str) -> list[HostKey]:
    """Read the pinned keys; an absent file holds none, other lines are not ours and are dropped."""
    if not os.path.exists(path):
        return []
    rows = [line.split() for line in Path(path).read_text().splitlines()]
    return [HostKey(*row) for row in rows if len(row) == len(HostKey.__dataclass_fields__)]


def fingerprints(path: str) -> dict[str, str]:
    """Return, by seat, the fingerprint of the pinned key that ssh will show: it prefers Ed25519, so that key's."""
    keys = sorted(read_known_hosts(path), key=lambda key: key.kind == "ssh-ed25519")
    return {key.seat: key.fingerprint for key in keys}


def write_known_hosts(path: str, keys: list[HostKey]) -> None:
    """Replace the file at `path` atomically."""
    write_bytes(path, "".join(f"{key}\n" for key in sorted(keys)).encode())
