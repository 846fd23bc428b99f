"""What the front's program on a machine is told, in one file of the machine."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where the front's files are, and what it is called."""

    hosts: dict[str, str]
    """What each student's browser calls the machine, by username: an address or a name."""
    directory: str
    """What haproxy reads."""
    state_directory: str
    """The certificates, the account with their authority, and how the last order went."""
    admin_socket: str
    """Where haproxy takes commands."""
    certbot: str
    """The folder with the ACME client's packages."""
    acme_directory: str
    """The address at which the authority says what it offers (RFC 8555, 7.1.1)."""
    address_profile: str
    """Which kind of certificate is ordered for an address; for a name it is the authority's usual one."""

    @classmethod
    def read(cls, path: str) -> Settings:
        """Read what `text` has written."""
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))

    def text(self) -> str:
        """Return the content of the file."""
        return json.dumps(vars(self), indent=1, sort_keys=True) + "\n"

    @property
    def addresses(self) -> set[str]:
        """Those of the hosts that are no names."""
        return {host for host in self.hosts.values() if is_address(host)}

    @property
    def names(self) -> set[str]:
        """The other ones."""
        return set(self.hosts.values()) - self.addresses


def is_address(host: str) -> bool:
    """Say whether `host` is an address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
