"""What still costs when the term is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import (
    disks_cost,
    in_dollars,
    machines_cost,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import HOURS_A_MONTH
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import Tariff

RUNNING = ("pending", "running")


def after_last_day(
    instances: Sequence[Mapping[str, Any]],
    timetable: Any,
    disk_gb: int,
    tariff_of: Callable[[Sequence[str]], Tariff],
    now: datetime | None = None,
) -> str:
    """Say which of the machines `instances` still cost, how much, and what ends that; nothing before the term is over.

    `timetable` is `class_timetable`, `disk_gb` the size of each disk in GiB, and `tariff_of` looks up what machines of
    such types cost; it is asked only where something is to be said. `now` has a time zone. Raise TimetableError.
    """
    term = read(timetable)
    if term is None or not instances or not term.is_over(now or datetime.now(UTC)):
        return ""
    running = [each["instance_type"] for each in instances if each["state"]["name"] in RUNNING]
    tariff = tariff_of(running)
    price = f"The disks are {in_dollars(disks_cost(len(instances), disk_gb, 1, tariff))} a month"
    if running:
        price += f", what runs {in_dollars(machines_cost(running, HOURS_A_MONTH, tariff))} more if it runs on"
    unknown = "".join(f" ({reason})" for reason in tariff.unknown[:1])
    return (
        f"The last day of the class was {term.last_day}. What still costs money: {len(instances)} machines with their "
        f"disks, of which {len(running)} run. {price}{unknown}. teardown.yml brings all work home and ends them."
    )
