"""What a class costs: so far, on a day, in a month and in a term, from what it uses and what AWS takes for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import (
    HOURS_A_MONTH,
    Price,
    address_hour,
    ask_prices,
    disk_month,
    kept_prices,
    machine_hour,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import Usage

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Tariff:
    """What a class pays, in USD: for an hour of a machine of each type with its address, for a GiB of disk a month."""

    machine_hours: Mapping[str, Price]
    disk_month: Price
    by_hand: bool = False  # whether the instructor said what a machine costs

    @property
    def unknown(self) -> list[str]:
        """Why prices are unknown, each reason once."""
        prices = (*self.machine_hours.values(), self.disk_month)
        return list(dict.fromkeys(price.unknown for price in prices if price.unknown))

    @property
    def asked_on(self) -> date:
        """Return of which day the oldest price is."""
        return min(price.asked_on for price in (*self.machine_hours.values(), self.disk_month))


@dataclass(frozen=True)
class Term:
    """What is left of a term: so many days, on which each machine runs for `hours` in all, and `months` of disks."""

    days: int
    hours: Decimal
    months: Decimal


@dataclass
class Cost:
    """What something costs in USD, and why it is more than that, where a price is unknown."""

    usd: Decimal = Decimal(0)
    by_student: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unknown: str = ""


def tariff(
    instance_types: Iterable[str],
    region: str,
    state_dir: str,
    *,
    by_hand: Decimal | None = None,
    ask: bool = True,
    keep: bool = True,
) -> Tariff:
    """Return what machines of these types cost in a region.

    `by_hand` is what the instructor says of an hour of a machine. AWS is asked for the rest, unless only what is kept
    in `state_dir` is wanted; with `keep` its answers are.
    """
    types = list(dict.fromkeys(instance_types))
    machines = {} if by_hand else {name: machine_hour(name, region) for name in types}
    address, disk = address_hour(region), disk_month(region)
    products = [*machines.values(), *([] if by_hand else [address]), disk]
    prices = ask_prices(products, state_dir, keep=keep) if ask else kept_prices(products, state_dir)
    if by_hand:
        said = Price(by_hand, datetime.now(UTC).date())
        return Tariff(dict.fromkeys(types, said), prices[disk], by_hand=True)
    return Tariff({name: _together(prices[each], prices[address]) for name, each in machines.items()}, prices[disk])


def machines_cost(machines: Iterable[str], hours: Decimal | int, of: Tariff) -> Decimal | None:
    """Return what machines of these types cost when they run for so many hours; None where a price is unknown."""
    total = Decimal(0)
    for name, number in Counter(machines).items():
        price = of.machine_hours[name].usd
        if price is None:
            return None
        total += number * Decimal(hours) * price
    return total


def disks_cost(number: int, disk_gb: int, months: Decimal | int, of: Tariff) -> Decimal | None:
    """Return what so many disks of `disk_gb` GiB cost, running or stopped; None where the price is unknown."""
    return None if of.disk_month.usd is None else number * disk_gb * Decimal(months) * of.disk_month.usd


def term_cost(machines: Sequence[str], disk_gb: int, term: Term, of: Tariff) -> Decimal | None:
    """Return what machines of these types cost in a term, with their disks; None where a price is unknown."""
    parts = machines_cost(machines, term.hours, of), disks_cost(len(machines), disk_gb, term.months, of)
    return None if parts[0] is None or parts[1] is None else parts[0] + parts[1]


def cost_so_far(usage: Usage, of: Tariff) -> Cost:
    """Return what a class has cost, by student; "" are spare machines."""
    cost = Cost()

    def add(student: str, amount: Decimal, price: Price) -> None:
        if price.usd is None:
            cost.unknown = cost.unknown or price.unknown
            return
        cost.usd += amount * price.usd
        cost.by_student[student] += amount * price.usd

    other = Price(None, datetime.now(UTC).date(), "AWS was not asked for it")
    for (name, student), seconds in usage.machines.items():
        add(student, Decimal(seconds) / 3600, of.machine_hours.get(name, other))
    for student, gb_seconds in usage.disks.items():
        add(student, Decimal(gb_seconds) / 3600 / HOURS_A_MONTH, of.disk_month)
    return cost


def cents(usd: Decimal) -> Decimal:
    """Round as a bill does."""
    return usd.quantize(_CENT, ROUND_HALF_UP)


def in_dollars(usd: Decimal | None) -> str:
    """Say a sum, also one that needs a price that is unknown."""
    return "an unknown sum" if usd is None else f"{cents(usd):.2f} $"


def _together(one: Price, other: Price) -> Price:
    """Return the price of two things, which is known if both are."""
    asked_on = min(one.asked_on, other.asked_on)
    if one.usd is None or other.usd is None:
        return Price(None, asked_on, one.unknown or other.unknown)
    return Price(one.usd + other.usd, asked_on)
