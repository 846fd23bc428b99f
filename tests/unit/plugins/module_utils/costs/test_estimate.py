"""Sums: of a day, of disks, of a term and so far; unknown where a price is."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs import prices
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import (
    Tariff,
    Term,
    cents,
    cost_so_far,
    disks_cost,
    machines_cost,
    tariff,
    term_cost,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import Usage
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 10, 12)
UNKNOWN = Price(None, DAY, "nobody says")
M6A, T3A = Price(Decimal("0.0914"), DAY), Price(Decimal("0.0802"), DAY)
OF = Tariff({"m6a.large": M6A, "t3a.large": T3A}, Price(Decimal("0.08"), DAY))
DISKS_UNKNOWN = Tariff(OF.machine_hours, UNKNOWN)
TERM = Term(days=14, hours=Decimal(70), months=Decimal("3.5"))


def test_the_example_of_the_documentation() -> None:
    class_ = ["m6a.large"] * 30
    assert machines_cost(class_, 12, OF) == Decimal("32.9040")
    assert disks_cost(30, 30, 1, OF) == Decimal("72.00")
    assert term_cost(class_, 30, TERM, OF) == Decimal("443.940")


def test_machines_of_several_types() -> None:
    assert machines_cost(["m6a.large", "t3a.large", "m6a.large"], Decimal("0.5"), OF) == Decimal("0.1315")


def test_one_price_that_is_unknown_makes_a_sum_unknown() -> None:
    of = Tariff({"m6a.large": M6A, "x": UNKNOWN}, OF.disk_month)
    assert machines_cost(["m6a.large", "x"], 1, of) is None
    assert machines_cost(["m6a.large"], 1, of) == Decimal("0.0914")
    assert term_cost(["x"], 30, TERM, of) is None
    assert term_cost(["m6a.large"], 30, TERM, DISKS_UNKNOWN) is None
    assert (of.unknown, DISKS_UNKNOWN.unknown, OF.unknown) == (["nobody says"], ["nobody says"], [])


def usage() -> Usage:
    """Return an hour of a machine for Ada, half of one for a spare, and a month of 30 GiB."""
    machines = defaultdict[tuple[str, str], float](float)
    machines |= {("m6a.large", "ada"): 3600.0, ("t3a.large", ""): 1800.0}
    disks = defaultdict[str, float](float)
    disks["ada"] = 30 * prices.HOURS_A_MONTH * 3600.0
    return Usage(machines, disks, 1)


def test_the_cost_so_far_by_student() -> None:
    cost = cost_so_far(usage(), OF)
    assert cost.by_student == {"ada": Decimal("0.0914") + Decimal("2.4"), "": Decimal("0.0401")}
    assert (cost.usd, cost.unknown) == (Decimal("2.5315"), "")


@pytest.mark.parametrize(
    ("of", "known"),
    [(DISKS_UNKNOWN, "0.1315"), (Tariff({"m6a.large": M6A}, OF.disk_month), "2.4914")],
)
def test_what_is_known_counts_and_the_rest_is_named(of: Tariff, known: str) -> None:
    cost = cost_so_far(usage(), of)
    assert cost.usd == Decimal(known)
    assert cost.unknown in ("nobody says", "AWS was not asked for it")


def test_cents_are_rounded_as_on_a_bill() -> None:
    assert [str(cents(Decimal(each))) for each in ("6.985", "6.9849", "7")] == ["6.99", "6.98", "7.00"]


def keep(folder: Path, usd: dict[str, str]) -> None:
    """Let these prices be kept."""
    today = datetime.now(UTC).date().isoformat()
    entries = {name: {"usd": amount, "asked_on": today} for name, amount in usd.items()}
    (folder / prices.FILE).write_text(json.dumps(entries))


def test_a_machine_is_paid_for_with_its_address(tmp_path: Path) -> None:
    keep(
        tmp_path,
        {
            "us-east-1 m6a.large hour": "0.0864",
            "us-east-1 IPv4 address hour": "0.005",
            "us-east-1 gp3 GB-month": "0.08",
        },
    )
    of = tariff(["m6a.large", "m6a.large", "m5.large"], "us-east-1", str(tmp_path), ask=False)
    assert of.machine_hours["m6a.large"].usd == Decimal("0.0914")
    assert of.machine_hours["m5.large"].usd is None
    assert of.unknown == ["AWS was not asked for it"]
    assert of.disk_month.usd == Decimal("0.08")


def test_a_price_by_hand_is_that_of_each_machine_and_disks_are_asked_for(tmp_path: Path) -> None:
    keep(tmp_path, {"us-east-1 gp3 GB-month": "0.08"})
    of = tariff(["m6a.large", "m5.large"], "us-east-1", str(tmp_path), by_hand=Decimal("0.2"), ask=False)
    assert {price.usd for price in of.machine_hours.values()} == {Decimal("0.2")}
    assert (of.disk_month.usd, of.unknown, of.by_hand) == (Decimal("0.08"), [], True)
