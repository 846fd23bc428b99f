"""Which machines may stop, be replaced or end: those whose students' work is verified at home or given up, no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import LEFT, Machine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


@dataclass
class Weighed:
    """What becomes of machines.

    `ending` may go, by instance id; of these, `snapshots` only after a snapshot of their disk, with the sentence that
    describes it. `kept` is a sentence for each machine that stays, `advice` what can be done about all of them.
    `abandoned` lose work that is not at home. `tags` are set where somebody retires and others stay.
    """

    ending: list[str] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    advice: str = ""
    tags: dict[str, str] = field(default_factory=dict)


def weigh(
    instances: Iterable[Mapping[str, Any]],
    collected: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    leaving: Collection[str] | None = None,
    abandon: Collection[str] = (),
    snapshot: Collection[str] = (),
    check_mode: bool = False,
) -> Weighed:
    """Weigh each instance by `collected`, the outcome of role work by seat.

    A machine may go if none of its places is taken, or if the work of everyone who sits there is verified at home, or
    is in `abandon`, usernames whose work is given up, or in `snapshot`, usernames whose work is kept with the whole
    disk. A seat that is missing in `collected` was not reached. In check mode, when nothing ends, work that could come
    home counts as if it had.

    With `leaving`, only their machines are weighed, and only by their work. Where others stay, nothing ends: the
    places of those who leave are given up. For that the machine must have been reached, to close their accounts.
    """
    safe = ("verified", "would_verify") if check_mode else ("verified",)
    weighed, unsafe = Weighed(), []
    for machine in sorted(map(Machine.from_instance, instances), key=lambda machine: machine.seat):
        concerned = [name for name in machine.students if leaving is None or name in leaving]
        if leaving is not None and not concerned:
            continue
        shared = len(concerned) < len(machine.students)
        outcome = {work["username"]: work for work in collected.get(machine.seat, [])}
        lost = [name for name in concerned if not any(outcome.get(name, {}).get(word) for word in safe)]
        reached = machine.seat in collected
        given_up = {*abandon, *snapshot} if not shared else set(abandon) if reached else set()
        if still := [name for name in lost if name not in given_up]:
            who = f"{machine.seat or machine.instance_id} ({machine.state}; {', '.join(machine.students)})"
            reasons = [f"{name}: {outcome[name]['reason']}" for name in still if name in outcome]
            weighed.kept.append(
                f"{who}: {'; '.join(reasons) or 'it could not be reached, so its work was not collected'}"
            )
            unsafe += still
            continue
        weighed.abandoned += [name for name in lost if name in abandon]
        if shared:
            places = [LEFT if place in concerned else place for place in machine.places]
            weighed.tags[machine.instance_id] = " ".join(places)
            continue
        weighed.ending.append(machine.instance_id)
        if kept_on_disk := [name for name in lost if name not in abandon]:
            weighed.snapshots[machine.instance_id] = f"Work of {' '.join(kept_on_disk)}, {machine.seat}"
    weighed.abandoned.sort()
    weighed.advice = three_ways(unsafe) if unsafe else ""
    return weighed


def three_ways(usernames: Sequence[str]) -> str:
    """Say what can be done about machines with work that is not at home."""

    def setting(name: str) -> str:
        return f"-e '{json.dumps({name: list(usernames)})}'"

    return (
        "Three ways on: mend what is named and run this again; or keep the whole disk as an EBS snapshot:\n"
        f"{setting('class_snapshot_work')}; or give the work up: {setting('class_abandon_work')}"
    )
