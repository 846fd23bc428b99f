"""How many certificates may be ordered for a domain now, and whose names get one.

https://letsencrypt.org/docs/rate-limits/: 50 new ones a week for a registered domain, and 5 of the same name. Both come
back one by one. What a class ordered is remembered in its own state, so that it is counted before machines cost money.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WEEK = timedelta(days=7)
MOST_OF_A_DOMAIN = 50
MOST_OF_A_NAME = 5
# Of a domain's, kept for machines that are replaced.
RESERVE = 5


@dataclass(frozen=True)
class Order:
    """A certificate that was ordered: for which whole name, and when (with its time zone).

    It is called by the name of its machine's first seat, whatever other `names` it has: the authority counts
    certificates. `machine` is where it lies, an instance id.
    """

    name: str
    time: datetime
    machine: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Which names of a domain have a certificate, get one now, and get none for now."""

    domain: str
    kept: tuple[str, ...]
    ordered: tuple[str, ...]
    without: tuple[str, ...]
    counted: int  # ordered in the seven days before
    again_at: datetime | None  # when one of those without may be ordered; None where there is none

    def words(self, students: Mapping[str, Sequence[str]], *, several: bool) -> str:
        """Say it, before anything is launched. `students` has the usernames of each whole name.

        Where `several` sit on a machine, https needs names, for one address cannot keep them apart.
        """
        said = (
            f"For {self.domain} {_certificates(len(self.ordered))} ordered now, after {self.counted} in "
            f"the last seven days. Let's Encrypt issues {MOST_OF_A_DOMAIN} a week for a domain; {RESERVE} are kept for "
            "machines that are replaced."
        )
        if not self.without or self.again_at is None:
            return said
        names = ", ".join(username for name in self.without for username in students.get(name, (name,)))
        instead = "have ssh alone for now" if several else "get links to their machines' addresses, new at every start"
        return (
            f"{said}\nThese students {instead}: {names}.\n"
            f"From {self.again_at:%Y-%m-%d %H:%M} {self.again_at:%Z} on more of them can have names: run again then."
        )


def plan(domain: str, wanted: Iterable[str], valid: Iterable[str], orders: Iterable[Order], now: datetime) -> Plan:
    """Choose which of the whole names `wanted`, in their order, get a certificate; those that are `valid` need none.

    A certificate that is renewed in time does not count.
    """
    has, names = set(valid), list(wanted)
    ours = [order for order in orders if order.name.endswith(f".{domain}")]
    of_a_name: dict[str, list[datetime]] = defaultdict(list)
    for order in ours:
        of_a_name[order.name].append(order.time)
    domain_times = [order.time for order in ours]
    free = math.floor(_left(domain_times, MOST_OF_A_DOMAIN, now)) - RESERVE
    new = [name for name in names if name not in has]
    possible = [name for name in new if _left(of_a_name[name], MOST_OF_A_NAME, now) >= 1]
    ordered = possible[: max(free, 0)]
    without = [name for name in new if name not in set(ordered)]
    again = [
        max(
            _when([*domain_times, *[now] * len(ordered)], MOST_OF_A_DOMAIN, 1 + RESERVE, now),
            _when(of_a_name[name], MOST_OF_A_NAME, 1, now),
        )
        for name in without
    ]
    return Plan(
        domain,
        tuple(name for name in names if name in has),
        tuple(ordered),
        tuple(without),
        sum(now - time < WEEK for time in domain_times),
        min(again, default=None),
    )


def certified(orders: Iterable[Order]) -> dict[str, frozenset[str]]:
    """Return the names in the certificate of each machine that has one."""
    return {order.machine: frozenset(order.names) for order in sorted(orders, key=_time) if order.machine}


def read_orders(text: str) -> list[Order]:
    """Read what `write_orders` wrote; empty, there are none. Raises ValueError for what is something else."""
    try:
        return [
            Order(
                entry["name"],
                datetime.fromisoformat(entry["time"]),
                entry["machine"],
                tuple(entry["names"]),
            )
            for entry in json.loads(text or "[]")
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no list of orders: {error}") from error


def write_orders(orders: Iterable[Order], now: datetime) -> str:
    """Return what is to be remembered of the orders: those that still count, and what each machine has."""
    known = sorted(orders, key=_time)
    last = {order.machine: order for order in known if order.machine}
    # With the last of a bucket's tokens an order counts for a week; one before it may have put it off for another.
    kept = [order for order in known if now - order.time < 2 * WEEK or order is last.get(order.machine)]
    entries = [asdict(order) | {"time": order.time.isoformat()} for order in kept]
    return json.dumps(entries, indent=1) + "\n"


def _time(order: Order) -> datetime:
    return order.time


def _left(times: Sequence[datetime], most: int, now: datetime) -> float:
    """Return how many of `most` are left at the time `now`, if each comes back after a `most`-th of a week."""
    left, since = float(most), min(times, default=now)
    for time in sorted(times):
        left = min(left + (time - since) / (WEEK / most), most) - 1
        since = time
    return min(left + (now - since) / (WEEK / most), most)


def _when(times: Sequence[datetime], most: int, wanted: int, now: datetime) -> datetime:
    """Return when so many are left, now at the earliest."""
    return now + max(wanted - _left(times, most, now), 0) * (WEEK / most)


def _certificates(number: int) -> str:
    return f"{number} certificate{' is' if number == 1 else 's are'}"
