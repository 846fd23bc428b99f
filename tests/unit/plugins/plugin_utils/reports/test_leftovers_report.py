"""What an instructor reads of what still costs money."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price, disk_month
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import Account, Region
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.resources import Leftover
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.leftovers_report import (
    leftovers_report,
)

GIB = disk_month("eu-west-1")
PRICES = {GIB: Price(Decimal("0.08"), date(2026, 3, 2))}
UNKNOWN = {GIB: Price(None, date(2026, 3, 2), "AWS was not asked for it")}
TWO = Account([Region("eu-west-1"), Region("us-east-1")])
WARNING = (
    "The aws commands remove for good, with students' work that may be on disks and snapshots, and ask nobody. "
    "See docs/leftovers.md."
)
DATED = "Prices are those of AWS's price list on 2026-03-02; discounts, credits and taxes are not in them."


def thing(class_name: str, gib: int, what: str = "disk", **more: Any) -> Leftover:
    """Return something of a class that costs as much as so many GiB of disk."""
    return Leftover("eu-west-1", class_name, what, ((GIB, Decimal(gib)),), "aws ec2 remove-it", **more)


def test_each_class_with_what_it_costs_and_what_removes_it() -> None:
    found = [thing("ml101", 30), thing("ml102", 10, at_most=True), thing("ml101", 1, "another")]
    assert leftovers_report(TWO, found, PRICES).splitlines() == [
        "Class ml101:",
        "  eu-west-1: disk: 2.40 $ a month",
        "    aws ec2 remove-it",
        "  eu-west-1: another: 0.08 $ a month",
        "    aws ec2 remove-it",
        "Class ml102:",
        "  eu-west-1: disk: at most 0.80 $ a month",
        "    aws ec2 remove-it",
        "Together at most 3.28 $ a month, in 2 regions.",
        WARNING,
        DATED,
    ]


def test_nothing_is_said_to_be_clean_only_where_all_was_looked_at() -> None:
    clean = "In 2 regions nothing with a tag Class or BakedBy costs money."
    assert leftovers_report(TWO, [], {}) == clean
    blind = Account([Region("eu-west-1", refused={"disks": "no"}), Region("us-east-1")])
    assert leftovers_report(blind, [], {}).splitlines() == [
        "NOT LOOKED AT, so nobody knows what is there:",
        "  disks in eu-west-1: no",
        "Of what was looked at, nothing with a tag Class or BakedBy costs money.",
    ]


def test_buckets_that_may_not_be_listed_are_said_and_nothing_else_is_called_unclean() -> None:
    assert leftovers_report(TWO, [], {}, buckets_refused="AWS does not permit it.").splitlines() == [
        "In 2 regions nothing with a tag Class or BakedBy costs money.",
        "Buckets with students' pages, which cost less than a cent, were not looked for: AWS does not permit it.",
    ]


def test_a_region_that_nobody_enabled_is_named() -> None:
    said = leftovers_report(Account([Region("us-east-1")], ["af-south-1", "eu-south-1"]), [], {})
    assert said.splitlines() == [
        "In 1 region nothing with a tag Class or BakedBy costs money.",
        "Not enabled for this account, and so not looked at: af-south-1, eu-south-1.",
    ]


def test_a_price_is_never_invented() -> None:
    said = leftovers_report(TWO, [thing("ml101", 30)], UNKNOWN)
    assert "  eu-west-1: disk: price unknown" in said.splitlines()
    assert "Together price unknown, in 2 regions." in said
    assert "Price unknown: AWS was not asked for it." in said.splitlines()
    assert "$" not in said
    assert DATED not in said
    some = leftovers_report(TWO, [thing("ml101", 30), thing("ml101", 1, unpriced="vol-1 is odd")], PRICES)
    assert "Together 2.40 $ a month and 1 of unknown price, in 2 regions." in some
    assert "Price unknown: vol-1 is odd." in some


def test_what_may_be_anybody_s_is_apart_and_of_many_the_dearest_are_listed() -> None:
    many = [thing("", gib, f"snapshot {gib}") for gib in range(1, 26)]
    lines = leftovers_report(TWO, many, PRICES).splitlines()
    assert lines[:3] == [
        "In 2 regions nothing with a tag Class or BakedBy costs money.",
        "Perhaps yours, for they have no tags at all:",
        "  eu-west-1: snapshot 25: 2.00 $ a month",
    ]
    assert sum("snapshot " in line for line in lines) == 20
    assert "  and 5 more: aws ec2 describe-snapshots --owner-ids self --region REGION" in lines
    assert "Together 26.00 $ a month." in lines
