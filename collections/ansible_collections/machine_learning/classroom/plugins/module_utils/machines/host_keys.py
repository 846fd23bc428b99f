"""Machines' ssh host keys: read from their console output, pinned by seat in a known_hosts file.

A machine prints its public host keys to the console, which only the owner of the AWS account can read, so a key that is
pinned from there is known to be the machine's own: at its first boot cloud-init does, at every other one
class-host-keys.service (role system), in the same words. Kernel and services write to the console at the same time, so
a line may be torn, and then is not pinned. A pinned line's comment is the instance id: a machine that was exchanged is
noticed and pinned anew, one that is known is not asked again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes

_BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----\r?\n(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
_KEY = re.compile(r"((?:ssh|ecdsa)-\S+) (\S+)")
# Of how many fields the key of each kind consists, its name among them: RFC 8709 (section 4), RFC 4253 (section 6.6),
# RFC 5656 (section 3.1). They are counted, too, as a line may be torn just between two of them.
_FIELDS = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
}


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


def is_whole(kind: str, key: str) -> bool:
    """Whether `key`, in base64, is a whole public key of this `kind`: fields, each behind its length in 4 bytes."""
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    fields = []
    while len(blob) >= struct.calcsize(">I"):
        (length,) = struct.unpack_from(">I", blob)
        field, blob = blob[4 : 4 + length], blob[4 + length :]
        if len(field) < length:
            return False
        fields.append(field)
    return not blob and len(fields) == _FIELDS.get(kind) and fields[0] == kind.encode()


def keys_in_console(output: str, seat: str, instance_id: str) -> list[HostKey]:
    """Find the whole host keys in a machine's console output: those that it printed last."""
    for block in reversed(_BLOCK.findall(output)):
        if whole := [found for found in _KEY.findall(block) if is_whole(*found)]:
            return [HostKey(seat, kind, key, instance_id) for kind, key in dict.fromkeys(whole)]
    return []


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
