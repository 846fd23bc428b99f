"""The addresses that instances get, as EC2 gives public ones: never the one just freed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.layout import SUBNET

if TYPE_CHECKING:
    from collections.abc import Collection

FIRST, LAST = 10, 250


@dataclass
class AddressPool:
    """Hands out the addresses .10 to .250 of the lab's subnet in turn.

    `last` is the last part of the address given most recently; it is kept across restarts of the endpoint.
    """

    last: int = FIRST - 1

    def take(self, used: Collection[str]) -> str | None:
        """Return the next address that is not in `used`, or None when all of them are."""
        for _ in range(FIRST, LAST + 1):
            self.last = FIRST if self.last >= LAST else self.last + 1
            address = str(SUBNET.network_address + self.last)
            if address not in used:
                return address
        return None

    @staticmethod
    def free(used: Collection[str]) -> int:
        """Return how many addresses are left beside those in `used`."""
        return LAST - FIRST + 1 - len(set(used))
