"""Filters about letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import read_known_hosts
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import (
    access_digest,
    eml,
    letter_due,
    mailbox,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def fingerprint(seat: str, known_hosts: str) -> str:
    """Return the fingerprint of the key that ssh will show for `seat`; empty where none is pinned in `known_hosts`.

    ssh prefers Ed25519, so that key's.
    """
    keys = [key for key in read_known_hosts(known_hosts) if key.seat == seat]
    keys.sort(key=lambda key: key.kind != "ssh-ed25519")
    return keys[0].fingerprint if keys else ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "access_digest": access_digest,
            "eml": eml,
            "fingerprint": fingerprint,
            "letter_due": letter_due,
            "mailbox": mailbox,
        }
