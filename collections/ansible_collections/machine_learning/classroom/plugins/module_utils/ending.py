"""Which machines may be terminated: those whose students' work is verified at home, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.module_utils.seats import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Ending(TypedDict):
    """Instance ids that may go, and a sentence for each machine that stays."""

    ending: list[str]
    kept: list[str]


def machines_to_end(
    instances: Iterable[Mapping[str, Any]],
    collected: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    check_mode: bool = False,
) -> Ending:
    """Weigh each instance by `collected`, the outcome of role work by seat.

    A machine may go if none of its places is taken, or if the work of everyone who sits there is verified at home.
    A seat that is missing in `collected` was not reached. In check mode, when nothing ends, work that could come home
    counts as if it had.
    """
    safe = ("verified", "would_verify") if check_mode else ("verified",)
    ending, kept = [], []
    for machine in map(Machine.from_instance, instances):
        outcome = {work["username"]: work for work in collected.get(machine.seat, [])}
        unsafe = [name for name in machine.students if not any(outcome.get(name, {}).get(word) for word in safe)]
        if not unsafe:
            ending.append(machine.instance_id)
            continue
        who = f"{machine.seat or machine.instance_id} ({machine.state}; {', '.join(machine.students)})"
        reasons = [f"{username}: {outcome[username]['reason']}" for username in unsafe if username in outcome]
        kept.append(f"{who}: {'; '.join(reasons) or 'it could not be reached, so its work was not collected'}")
    return {"ending": ending, "kept": kept}
