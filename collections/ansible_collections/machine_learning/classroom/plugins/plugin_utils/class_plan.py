"""What a command is about to launch and start: for whom, what it costs, and whether the budget has room for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import (
    Cost,
    Tariff,
    Term,
    cents,
    disks_cost,
    in_dollars,
    machines_cost,
    term_cost,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.durations import expected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.durations import Took

_SETTINGS = "group_vars/all/class.yml"
HALF_A_CENT = Decimal("0.005")
DAY_HOURS = 24  # of a class whose machines do not stop themselves


class BudgetError(ValueError):
    """A plan is above the budget; the message says by what, and what would fit."""


@dataclass(frozen=True)
class ClassPlan:
    """A class, and what is to be launched and started for it."""

    class_name: str
    region: str
    usernames: Sequence[str]
    waiting: Sequence[str]  # who get a seat
    left: Sequence[str]  # who have one, but are not in the roster
    standing: Sequence[str]  # the types of the machines that there are,
    running: Sequence[str]  # of those that run,
    starting: Sequence[str]  # and of those that are started
    launch: int
    instance_types: Sequence[str]
    disk_gb: int
    max_hours: int
    tariff: Tariff
    spent: Cost
    since: date | None = None  # of the first hour that is known of
    budget: Decimal = Decimal(0)
    term: Term | None = None  # what is left of it, where that is known
    checked: Mapping[str, Any] = field(default_factory=dict)  # what launch_check found
    durations: Sequence[Took] = ()  # of the runs that are remembered

    @property
    def acts(self) -> bool:
        """Whether something is to be launched or started."""
        return bool(self.launch or self.starting)

    @property
    def launched(self) -> list[str]:
        """The types of what is to be launched, if EC2 has enough of the first."""
        return [self.instance_types[0]] * self.launch

    @property
    def day_hours(self) -> int:
        """For how many hours machines run on a class day at most."""
        return self.max_hours or DAY_HOURS

    @property
    def day(self) -> Decimal | None:
        """What the next class day costs."""
        return machines_cost([*self.running, *self.starting, *self.launched], self.day_hours, self.tariff)

    @property
    def disks(self) -> Decimal | None:
        """What all disks cost in a month."""
        return disks_cost(len(self.standing) + self.launch, self.disk_gb, 1, self.tariff)

    @property
    def ahead(self) -> Decimal | None:
        """What is to come: the rest of the term; where that is not known, the next class day and a month of disks."""
        if self.term:
            return term_cost([*self.standing, *self.launched], self.disk_gb, self.term, self.tariff)
        return None if self.day is None or self.disks is None else self.day + self.disks

    @property
    def total(self) -> Decimal | None:
        """What is held against the budget: the cost so far, and what is to come."""
        return None if self.ahead is None or self.spent.unknown else self.spent.usd + self.ahead

    def require_budget(self) -> None:
        """Refuse to launch and start what is above the budget; a sum that is not known is not refused."""
        if not self.budget or not self.acts or self.total is None or cents(self.total) <= self.budget:
            return
        done = "launched" if self.launch else "started"
        raise BudgetError(
            f"class_budget is {self.budget:.2f} $, and this comes to {in_dollars(self.total)}: {self._sum()}.\n"
            f"Nothing was {done}. {self._fitting()}\n"
            f"Raise class_budget in {_SETTINGS} (0 = none; docs/costs.md), or take fewer or smaller machines; then run "
            "again."
        )

    def _sum(self) -> str:
        """Say what is added up."""
        spent = f"{in_dollars(self.spent.usd)} so far (an estimate)"
        if self.term:
            return f"{spent} and {in_dollars(self.ahead)} for what is left of the term, {self._of_a_term()}"
        return (
            f"{spent}, {in_dollars(self.day)} for the next class day ({self.day_hours} hours) and "
            f"{in_dollars(self.disks)} for a month of disks"
        )

    def _fitting(self) -> str:
        """Say how many of the machines would fit."""
        new = self.launched or self.starting
        term = self.term or Term(1, Decimal(self.day_hours), Decimal(1))
        disk_gb = self.disk_gb if self.launch else 0  # of those that are started it is there already
        each = term_cost(new[:1], disk_gb, term, self.tariff) or Decimal(1)
        over = (self.total or Decimal(0)) - self.budget - HALF_A_CENT  # to which a sum may be rounded off
        fitting = max(len(new) - int(over / each) - 1, 0)
        return f"{fitting or 'None'} of {len(new)} machines would fit."

    def short(self) -> str:
        """Say in a line what is about to be launched and started, and what that costs; nothing where nothing is."""
        if not self.acts:
            return ""
        parts = [f"{self.launch} {self.instance_types[0]} are launched"] if self.launch else []
        parts += [f"{len(self.starting)} machines are started"] if self.starting else []
        return (
            f"{' and '.join(parts)}: {self._of_a_day()}, disks {in_dollars(self.disks)} a month; "
            f"so far {self._so_far()}{self._budget()}."
        )

    def text(self) -> str:
        """Say all of it, a line for each thing that decides."""
        rows = list(self._rows())
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name.ljust(width)}  {words}" for name, words in rows)

    def warnings(self) -> list[str]:
        """Return what is only said."""
        unknown = "; ".join(filter(None, dict.fromkeys((*self.tariff.unknown, self.spent.unknown))))
        if not unknown:
            return []
        held = " class_budget is not held against anything." if self.budget else ""
        hand = "" if self.tariff.by_hand else f" Set class_price_per_hour in {_SETTINGS} to give it by hand."
        return [f"A price is unknown: {unknown}.{held}{hand}"]

    def _rows(self) -> Iterator[tuple[str, str]]:
        kept = [name for name in self.usernames if name not in set(self.waiting)]
        yield "class", f"{self.class_name} in {self.region}, {len(self.usernames)} students"
        yield "new seat", _names(self.waiting)
        yield "kept", _names(kept)
        if self.left:
            yield "to retire", f"{_names(self.left)}: retire.yml -e student={','.join(self.left)}"
        if self.launch:
            zones = sorted({pool["zone"] for pool in self.checked.get("capacity_pools", [])})
            others = f" (else {', '.join(self.instance_types[1:])})" if self.instance_types[1:] else ""
            yield "launch", f"{self.launch} {self.instance_types[0]}{others} in {', '.join(zones)}"
            yield "image", self._image()
            yield "duration", "; ".join(map(self._duration, ("provision.yml", "configure.yml")))
        if self.starting:
            yield "start", f"{len(self.starting)} machines that stopped"
        if not self.acts:
            yield "launch", "nothing: everybody has a machine that runs"
        yield "disk", f"{self.disk_gb} GiB for each of {len(self.standing) + self.launch} machines"
        for quota in self.checked.get("quotas", []):
            yield "quota", _quota(quota)
        for name, price in self.tariff.machine_hours.items():
            said = "unknown" if price.usd is None else f"{price.usd.normalize():f} $"
            yield "an hour", f"{name} with its address: {said}"
        yield "class day", self._of_a_day()
        yield "disks", f"{in_dollars(self.disks)} a month"
        yield "term", f"{self._of_a_term()}: {in_dollars(self.ahead)} from now on" if self.term else "not known"
        yield "so far", self._so_far() + self._budget()
        yield "prices", self._source()

    def _duration(self, command: str) -> str:
        baked = bool((self.checked.get("baked") or {}).get("image_id"))
        return f"{command} {expected(self.durations, command, self.launch, baked=baked)}"

    def _image(self) -> str:
        said = (self.checked.get("baked") or {}).get("said")
        if (self.checked.get("baked") or {}).get("image_id"):
            return str(said)
        created = str(self.checked.get("image_created") or "")[:10]
        age = f", {(datetime.now(UTC).date() - date.fromisoformat(created)).days} days old" if created else ""
        return f"{self.checked.get('image_id', '')}, plain{age}" + (f". {said}" if said else "")

    def _of_a_day(self) -> str:
        number = len(self.running) + len(self.starting) + self.launch
        return f"{number} machines for {self.day_hours} hours at most: {in_dollars(self.day)} a class day"

    def _of_a_term(self) -> str:
        return f"{self.term.days} days with {self.term.hours:.0f} hours" if self.term else ""

    def _so_far(self) -> str:
        if self.since is None:
            return "nothing"
        more = " and more" if self.spent.unknown else ""
        return f"{in_dollars(self.spent.usd)}{more}, an estimate since {self.since}"

    def _budget(self) -> str:
        if not self.budget:
            return ""
        if self.total is None:
            return f"; class_budget is {self.budget:.2f} $, which an unknown sum cannot be held against"
        return f"; class_budget is {self.budget:.2f} $, of which {in_dollars(self.total)} are {self._sum()}"

    def _source(self) -> str:
        by_hand = "class_price_per_hour, and for disks " if self.tariff.by_hand else ""
        unknown = "; ".join(self.tariff.unknown)
        return f"{by_hand}AWS's price list, {unknown or f'of {self.tariff.asked_on}, without taxes and discounts'}"


def _quota(quota: Mapping[str, Any]) -> str:
    left = quota["limit"] - quota["used"] - quota["needed"]
    default = ", AWS's default" if quota["by_default"] else ""
    used, needed, free = (f"{round(each, 2):g}" for each in (quota["used"], quota["needed"], abs(left)))
    words = f"{quota['code']}: {quota['limit']:g} {quota['unit']}{default}; {used} in use, {needed} needed, {free} "
    return words + ("left" if left >= 0 else f"missing: {quota['request']}")


def _names(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if names else "nobody"
