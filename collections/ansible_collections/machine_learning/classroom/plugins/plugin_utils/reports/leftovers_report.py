"""What still costs money, for an instructor to read: of which class, where, how much a month, and what removes it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import Price, Product
    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import Account
    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.resources import Leftover

# Of what may be anybody's, so many are listed, the dearest first: an account may have thousands.
MOST_OF_ANYBODY = 20


def leftovers_report(
    account: Account, leftovers: Sequence[Leftover], prices: Mapping[Product, Price], *, buckets_refused: str = ""
) -> str:
    """Lay out what was found in `account`, at these `prices`; and first of all what was not looked at.

    `buckets_refused` says why S3 does not tell which buckets there are.
    """
    lines = list(_lines(account, leftovers, prices))
    if buckets_refused:
        lines.append(
            f"Buckets with students' pages, which cost less than a cent, were not looked for: {buckets_refused}"
        )
    return "\n".join(lines)


def _lines(account: Account, leftovers: Sequence[Leftover], prices: Mapping[Product, Price]) -> Iterator[str]:
    missing = account.not_looked_at()
    if missing:
        yield "NOT LOOKED AT, so nobody knows what is there:"
        yield from (f"  {line}" for line in missing)
    ours = [each for each in leftovers if each.class_name]
    where = f"{len(account.regions)} region{'' if len(account.regions) == 1 else 's'}"
    if not ours:
        known = "Of what was looked at, nothing" if missing else f"In {where} nothing"
        yield f"{known} with a tag Class or BakedBy costs money."
    for class_name in dict.fromkeys(each.class_name for each in ours):
        yield f"Class {class_name}:"
        yield from _listed([each for each in ours if each.class_name == class_name], prices)
    if ours:
        yield f"Together {_sum(ours, prices)}, in {where}."
    anybody = sorted(
        (each for each in leftovers if not each.class_name),
        key=lambda each: each.usd_a_month(prices) or Decimal(0),
        reverse=True,
    )
    if anybody:
        yield "Perhaps yours, for they have no tags at all:"
        yield from _listed(anybody[:MOST_OF_ANYBODY], prices)
        if more := len(anybody[MOST_OF_ANYBODY:]):
            yield f"  and {more} more: aws ec2 describe-snapshots --owner-ids self --region REGION"
        yield f"Together {_sum(anybody, prices)}."
    if any("aws " in each.command for each in leftovers):
        yield (
            "The aws commands remove for good, with students' work that may be on disks and snapshots, and ask nobody. "
            "See docs/leftovers.md."
        )
    yield from (f"Price unknown: {why}." for why in dict.fromkeys(_unknown(leftovers, prices)))
    if asked_on := [price.asked_on for price in prices.values() if price.usd is not None]:
        yield f"Prices are those of AWS's price list on {min(asked_on)}; discounts, credits and taxes are not in them."
    if account.not_enabled:
        yield f"Not enabled for this account, and so not looked at: {', '.join(account.not_enabled)}."


def _listed(leftovers: Sequence[Leftover], prices: Mapping[Product, Price]) -> Iterator[str]:
    for each in leftovers:
        yield f"  {each.region}: {each.what}: {_sum([each], prices)}"
        yield f"    {each.command}"


def _sum(leftovers: Sequence[Leftover], prices: Mapping[Product, Price]) -> str:
    """Say what these cost together, as far as that is known."""
    known = [(each, usd) for each in leftovers if (usd := each.usd_a_month(prices)) is not None]
    unknown = len(leftovers) - len(known)
    if not known:
        return "price unknown"
    bound = "at most " if any(each.at_most for each, _ in known) else ""
    more = f" and {unknown} of unknown price" if unknown else ""
    return f"{bound}{sum(usd for _, usd in known):.2f} $ a month{more}"


def _unknown(leftovers: Sequence[Leftover], prices: Mapping[Product, Price]) -> Iterator[str]:
    for each in leftovers:
        yield from each.unknown(prices)
