"""Which machines may stop, be replaced or end: those whose students' work is verified at home or given up, no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import LEFT, Machine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


@dataclass
class ReleasePlan:
    """What becomes of machines.

    `instance_ids` may go; of these, `snapshots` only after a snapshot of their disk, with the sentence that
    describes it. `retained` is a sentence for each machine that stays, `next_steps` what can be done about all of them.
    `abandoned` lose work that is not at home. `tags` are set where somebody retires and others stay.
    """

    instance_ids: list[str] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)
    retained: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    next_steps: str = ""
    tags: dict[str, str] = field(default_factory=dict)


def plan_release(
    instances: Iterable[Mapping[str, Any]],
    collected: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    leaving: Collection[str] | None = None,
    abandon: Collection[str] = (),
    snapshot: Collection[str] = (),
    not_started: Mapping[str, str] | None = None,
    check_mode: bool = False,
) -> ReleasePlan:
    """Plan for each instance by `collected`, the outcome of role work by seat.

    A machine may go if nobody sits on it, or if the work of everyone who sits there is verified at home, or
    is in `abandon`, usernames whose work is given up, or in `snapshot`, usernames whose work is kept with the whole
    disk. A seat that is missing in `collected` was not reached; `not_started` says why AWS did not start a machine, by
    instance id. In check mode, when nothing ends, work that could come
    home counts as if it had.

    With `leaving`, only their machines count, and only their work. Where others stay, nothing ends: the
    slots of those who leave are emptied. For that the machine must have been reached, to close their accounts.
    """
    safe = ("verified", "would_verify") if check_mode else ("verified",)
    plan, unsafe = ReleasePlan(), []
    for machine in sorted(map(Machine.from_instance, instances), key=lambda machine: machine.seat):
        concerned = [name for name in machine.students if leaving is None or name in leaving]
        if leaving is not None and not concerned:
            continue
        shared = len(concerned) < len(machine.students)
        outcome = {work["username"]: work for work in collected.get(machine.seat, [])}
        lost = [name for name in concerned if not any(outcome.get(name, {}).get(word) for word in safe)]
        reached = machine.seat in collected
        abandoned = {*abandon, *snapshot} if not shared else set(abandon) if reached else set()
        if still := [name for name in lost if name not in abandoned]:
            who = f"{machine.seat or machine.instance_id} ({machine.state}; {', '.join(machine.students)})"
            reasons = [f"{name}: {outcome[name]['reason']}" for name in still if name in outcome]
            if not reasons and (why := (not_started or {}).get(machine.instance_id)):
                reasons = [f"it did not start, so its work was not collected: {why}"]
            plan.retained.append(
                f"{who}: {'; '.join(reasons) or 'it could not be reached, so its work was not collected'}"
            )
            unsafe += still
            continue
        plan.abandoned += [name for name in lost if name in abandon]
        if shared:
            slots = [LEFT if slot in concerned else slot for slot in machine.slots]
            plan.tags[machine.instance_id] = " ".join(slots)
            continue
        plan.instance_ids.append(machine.instance_id)
        if kept_on_disk := [name for name in lost if name not in abandon]:
            plan.snapshots[machine.instance_id] = f"Work of {' '.join(kept_on_disk)}, {machine.seat}"
    plan.abandoned.sort()
    plan.next_steps = options_for(unsafe) if unsafe else ""
    return plan


def brought_home(machines: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return what was brought home from each machine that could be asked, by seat, from the machines' variables."""
    outcomes = {machine["inventory_hostname"]: machine.get("work_brought_home") for machine in machines}
    return {seat: outcome for seat, outcome in outcomes.items() if outcome is not None}


def options_for(usernames: Sequence[str]) -> str:
    """Say what can be done about machines with work that is not at home."""

    def setting(name: str) -> str:
        return f"-e '{json.dumps({name: list(usernames)})}'"

    return (
        "Options: fix the problems above and run this again; or keep the whole disk as an EBS snapshot:\n"
        f"{setting('class_snapshot_work')}; or give the work up: {setting('class_abandon_work')}"
    )
