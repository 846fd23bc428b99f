"""How many machines EC2 has left to give: endless, until a test or a curious person says otherwise.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html#troubleshooting-launch-capacity
A launch gets what there is, between MinCount and MaxCount; a start is all or none; and what was stopped may be given
to somebody else, so nothing comes back.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import EC2ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable


class CapacityError(EC2ClientError):  # type: ignore[misc]  # moto has no types
    """EC2 has not so many machines."""

    code = "InsufficientInstanceCapacity"
    message = "Insufficient capacity."


@dataclass
class Pool:
    """What is left in a zone, or in all of them (""), of one instance type, or of all together ("")."""

    free: int
    zone: str = ""
    instance_type: str = ""

    def holds(self, zone: str, instance_type: str) -> bool:
        """Tell whether a machine of `instance_type` in `zone` comes from here."""
        return self.zone in ("", zone) and self.instance_type in ("", instance_type)


class Capacity:
    """The pools that are not endless."""

    def __init__(self) -> None:
        """Start with as much as anybody may want."""
        self._pools: list[Pool] = []
        self._lock = threading.RLock()

    def limit(self, pool: Pool) -> None:
        """Let there be `pool`, in place of an earlier one of the same zone and type."""
        with self._lock:
            same = (pool.zone, pool.instance_type)
            self._pools = [each for each in self._pools if (each.zone, each.instance_type) != same] + [pool]

    def clear(self) -> None:
        """Be endless again."""
        with self._lock:
            self._pools.clear()

    def left(self) -> list[dict[str, Any]]:
        """Return the pools, as plain values."""
        with self._lock:
            return [asdict(pool) for pool in self._pools]

    def available(self, zone: str, instance_type: str, least: int, most: int) -> int:
        """Return how many of `least` to `most` machines there are. Raises CapacityError."""
        with self._lock:
            found = min([most, *(pool.free for pool in self._pools if pool.holds(zone, instance_type))])
        if found < least:
            raise CapacityError(
                f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
                f"({zone}). Our system will be working on provisioning additional capacity."
            )
        return found

    def take(self, zone: str, instance_type: str, count: int) -> None:
        """Give `count` machines away."""
        with self._lock:
            for pool in self._pools:
                if pool.holds(zone, instance_type):
                    pool.free -= count

    def start(self, machines: Iterable[tuple[str, str]]) -> None:
        """Start all `machines`, each a zone and an instance type, or none. Raises CapacityError."""
        with self._lock:
            asked = Counter(machines)
            for pool in self._pools:
                if sum(count for machine, count in asked.items() if pool.holds(*machine)) > pool.free:
                    raise CapacityError
            for machine, count in asked.items():
                self.take(*machine, count)


# The same for all regions: a zone's name tells its region.
CAPACITY = Capacity()
