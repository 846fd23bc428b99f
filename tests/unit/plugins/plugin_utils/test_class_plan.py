"""A plan: what it says, and what is refused because of the budget."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import Cost, Tariff, Term
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.class_plan import BudgetError, ClassPlan

DAY = date(2026, 10, 12)
OF = Tariff({"m6a.large": Price(Decimal("0.0914"), DAY)}, Price(Decimal("0.08"), DAY))
UNKNOWN = Tariff({"m6a.large": Price(None, DAY, "AWS's price list does not answer (X)")}, OF.disk_month)
M6A = "m6a.large"


def plan(**changed: Any) -> ClassPlan:
    """Return the plan of a class of thirty that begins: 32.90 $ for a day and 72.00 $ for disks."""
    names = [f"student{number}" for number in range(30)]
    given: dict[str, Any] = {
        "class_name": "ml101",
        "region": "us-east-1",
        "usernames": names,
        "waiting": names,
        "left": [],
        "standing": [],
        "running": [],
        "starting": [],
        "launch": 30,
        "instance_types": [M6A, "m5.large"],
        "disk_gb": 30,
        "max_hours": 12,
        "tariff": OF,
        "spent": Cost(),
    }
    return ClassPlan(**given | changed)


def test_a_budget_that_is_met_exactly_is_kept_and_a_cent_less_is_not() -> None:
    plan(budget=Decimal("104.90")).require_budget()
    with pytest.raises(BudgetError) as refused:
        plan(budget=Decimal("104.89")).require_budget()
    assert str(refused.value) == (
        "class_budget is 104.89 $, and this comes to 104.90 $: 0.00 $ so far (an estimate), 32.90 $ for the next class "
        "day (12 hours) and 72.00 $ for a month of disks.\n"
        "Nothing was launched. 29 of 30 machines would fit.\n"
        "Raise class_budget in group_vars/all/class.yml (0 = none; docs/costs.md), or take fewer or smaller machines; "
        "then run again."
    )


@pytest.mark.parametrize(("budget", "fitting"), [("104.89", 29), ("52.45", 15), ("3.50", 1), ("3.49", 0)])
def test_what_would_fit_does(budget: str, fitting: int) -> None:
    with pytest.raises(BudgetError, match=f"{fitting or 'None'} of 30 machines would fit"):
        plan(budget=Decimal(budget)).require_budget()
    plan(budget=Decimal(budget), launch=fitting).require_budget()
    with pytest.raises(BudgetError):
        plan(budget=Decimal(budget), launch=fitting + 1).require_budget()


def test_what_was_spent_and_what_is_there_counts() -> None:
    there = {"standing": [M6A] * 30, "launch": 0, "waiting": []}
    spent = Cost(usd=Decimal(100))
    on = plan(**there, starting=[M6A] * 30, spent=spent, budget=Decimal("204.90"))
    on.require_budget()
    with pytest.raises(BudgetError, match=r"Nothing was started\. 29 of 30 machines would fit"):
        plan(**there, starting=[M6A] * 30, spent=spent, budget=Decimal("204.80")).require_budget()
    with pytest.raises(BudgetError, match=r"206.00 \$: 100.00 \$ so far .* 34\.00"):
        plan(**there, running=[M6A], starting=[M6A] * 30, spent=spent, budget=Decimal("204.90")).require_budget()


def test_where_nothing_is_to_be_done_nothing_is_refused() -> None:
    plan(launch=0, standing=[M6A], running=[M6A], budget=Decimal(1), spent=Cost(usd=Decimal(100))).require_budget()


def test_a_term_that_is_known_takes_the_place_of_the_next_day() -> None:
    term = Term(14, Decimal(70), Decimal("3.5"))
    known = plan(term=term, budget=Decimal("443.94"))
    known.require_budget()
    assert "14 days with 70 hours: 443.94 $ from now on" in known.text()
    with pytest.raises(BudgetError, match=r"and 443.94 \$ for what is left of the term, 14 days with 70 hours\.\n"):
        plan(term=term, budget=Decimal("443.93")).require_budget()


def test_a_sum_that_is_not_known_is_not_refused_but_said() -> None:
    for unknown in (plan(tariff=UNKNOWN, budget=Decimal(1)), plan(spent=Cost(unknown="X"), budget=Decimal(1))):
        unknown.require_budget()
        (words,) = unknown.warnings()
        assert "class_budget is not held against anything" in words
        assert "Set class_price_per_hour" in words
    assert "an unknown sum a class day" in plan(tariff=UNKNOWN).text()
    assert "m6a.large with its address: unknown" in plan(tariff=UNKNOWN).text()
    assert plan().warnings() == []


def test_all_that_decides_is_shown() -> None:
    quota = {
        "code": "L-1",
        "unit": "vCPUs",
        "limit": 64.0,
        "used": 8,
        "needed": 60,
        "by_default": True,
        "request": "aws service-quotas",
    }
    disks = {**quota, "code": "L-3", "unit": "TiB of gp3 disks", "limit": 50.0, "used": 1.171875, "needed": 0.029296875}
    checked = {
        "image_id": "ami-1",
        "image_created": "2020-01-01T00:00:00.000Z",
        "capacity_pools": [{"zone": "us-east-1b"}, {"zone": "us-east-1a"}],
        "quotas": [quota, {**quota, "code": "L-2", "needed": 40, "by_default": False}, {**disks, "by_default": False}],
        "baked": {"image_id": "", "said": "The baked image of 2026-01-01 does not fit any more."},
    }
    text = plan(
        usernames=["ada", "grace"],
        waiting=["grace"],
        left=["zoe"],
        standing=[M6A],
        launch=1,
        checked=checked,
        spent=Cost(usd=Decimal("12.345")),
        since=DAY,
        budget=Decimal(100),
    ).text()
    rows = dict(line.split("  ", 1) for line in text.splitlines())
    assert rows["class"].strip() == "ml101 in us-east-1, 2 students"
    assert rows["new seat"].strip() == "1: grace"
    assert rows["kept"].strip() == "1: ada"
    assert rows["to retire"].strip() == "1: zoe: retire.yml -e student=zoe"
    assert rows["launch"].strip() == "1 m6a.large (else m5.large) in us-east-1a, us-east-1b"
    assert "ami-1, plain, " in rows["image"]
    assert "days old. The baked image of 2026-01-01 does not fit" in rows["image"]
    assert "L-1: 64 vCPUs, AWS's default; 8 in use, 60 needed, 4 missing: aws service-quotas" in text
    assert "L-2: 64 vCPUs; 8 in use, 40 needed, 16 left" in text
    assert "L-3: 50 TiB of gp3 disks; 1.17 in use, 0.03 needed, 48.8 left" in text
    assert "m6a.large with its address: 0.0914 $" in text
    assert rows["class day"].strip() == "1 machines for 12 hours at most: 1.10 $ a class day"
    assert rows["disks"].strip() == "4.80 $ a month"
    assert rows["term"].strip() == "not known"
    assert (
        rows["so far"].strip().startswith("12.35 $, an estimate since 2026-10-12; class_budget is 100.00 $, of which")
    )
    assert rows["prices"].strip() == "AWS's price list, of 2026-10-12, without taxes and discounts"


def test_a_class_that_is_complete_says_so() -> None:
    text = plan(launch=0, waiting=[], standing=[M6A], running=[M6A]).text()
    assert "nothing: everybody has a machine that runs" in text
    assert "image" not in text
    assert plan(launch=0).short() == ""


def test_what_runs_says_in_a_line() -> None:
    assert plan(starting=[M6A], standing=[M6A]).short() == (
        "30 m6a.large are launched and 1 machines are started: 31 machines for 12 hours at most: 34.00 $ a class day, "
        "disks 74.40 $ a month; so far nothing."
    )
    assert "for 24 hours at most" in plan(max_hours=0).short()


def test_a_baked_image_is_named() -> None:
    baked = {"baked": {"image_id": "ami-2", "said": "The baked image of 2026-01-01 fits."}, "image_id": "ami-2"}
    assert "image      The baked image of 2026-01-01 fits." in plan(checked=baked).text()
