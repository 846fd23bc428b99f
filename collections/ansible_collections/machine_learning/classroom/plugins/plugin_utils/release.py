"""Which machines may stop, be replaced or end: those whose students' work is verified at home or given up, no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain_text
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import (
    LEFT,
    Machine,
    refused_machines,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

STOPPED = ("stopping", "stopped")
NO_SNAPSHOT = "there is no snapshot of its disk"


@dataclass
class ReleasePlan:
    """What becomes of machines.

    `instance_ids` may go; of these, `snapshots` only after a snapshot of their disk, with the sentence that
    describes it. `retained` is a sentence for each machine that stays, `next_steps` what can be done about all of them.
    `abandoned` lose work that is not at home. `tags` are set where somebody retires and others stay. `foreseen` are the
    machines that check mode did not see, for it starts none, and counts as safe.
    """

    instance_ids: list[str] = field(default_factory=list)
    snapshots: dict[str, str] = field(default_factory=dict)
    retained: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    next_steps: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    foreseen: list[str] = field(default_factory=list)


def plan_release(
    instances: Iterable[Mapping[str, Any]],
    collected: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    at_rest: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    selected: Iterable[Mapping[str, Any]] | None = None,
    leaving: Collection[str] | None = None,
    abandon: Collection[str] = (),
    snapshot: Collection[str] = (),
    starting: Collection[str] = (),
    not_started: Mapping[str, str] | None = None,
    check_mode: bool = False,
) -> ReleasePlan:
    """Plan for each of the class's `instances` as they are now, or those `selected`, as they were when the run began.

    `collected` are outcomes of role work in this run, `at_rest` those of machines that stopped with all work at home.

    What came home is by instance id, for a Name can be copied. Where several machines bear one, none of them may go,
    whatever is given up: the inventory knows them as one, so what came home from one may be the other's.

    A machine may go if nobody sits on it, or if the work of everyone who sits there is verified at home, or
    is in `abandon`, usernames whose work is given up, or in `snapshot`, usernames whose work is kept with the whole
    disk. A machine that is missing in both was not reached. The run asked AWS to start those with the ids `starting`;
    `not_started` says why AWS did not, by id. In check mode, when nothing starts or ends, work that could come home
    counts as if it had, and so does all that is on a machine which would be started first.

    With `leaving`, only their machines count, and only their work. Where others stay, nothing ends: the
    slots of those who leave are emptied. For that the machine must have been reached, to close their accounts.
    """
    plan, unsafe = ReleasePlan(), []
    instances, at_rest, not_started = list(instances), at_rest or {}, not_started or {}
    machines = sorted(map(Machine.from_instance, instances), key=lambda machine: machine.seat)
    began = {each["instance_id"]: each["state"]["name"] for each in (instances if selected is None else selected)}
    started = {*starting} - {*not_started}
    namesakes = _namesakes(machines)
    for machine in machines:
        concerned = [name for name in machine.students if leaving is None or name in leaving]
        if machine.instance_id not in began or (leaving is not None and not concerned):
            continue
        who = f"{machine.seat or machine.instance_id} ({machine.state}; {', '.join(machine.students) or 'spare'})"
        if machine.seat in namesakes:
            plan.retained.append(
                f"{who}: {' and '.join(namesakes[machine.seat])} bear this Name, so nobody knows whose work came home: "
                "give one another in the EC2 console, then run this again"
            )
            continue
        shared = len(concerned) < len(machine.students)
        works = collected.get(machine.instance_id) or ([] if shared else at_rest.get(machine.instance_id, []))
        outcome = {work["username"]: work for work in works}
        foreseen = check_mode and machine.state in STOPPED and machine.instance_id in started and not works
        lost = [] if foreseen else unsafe_students(works, machine.slots, concerned, (), (), foreseen=check_mode)
        reached = machine.instance_id in collected or foreseen
        given_up = abandon if reached or not shared else ()
        if still := lost and unsafe_students(works, machine.slots, concerned, given_up, snapshot, foreseen=check_mode):
            reasons = [f"{name}: {outcome[name]['reason']}" for name in still if name in outcome]
            why = not_started.get(machine.instance_id, "")
            by_hand = began[machine.instance_id] in STOPPED and machine.instance_id not in started
            plan.retained.append(f"{who}: {'; '.join(reasons) or _why_unseen(machine, why, by_hand=by_hand)}")
            unsafe += still
            continue
        plan.foreseen += [who] if foreseen and concerned else []
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


def unsafe_students(
    work: Iterable[Mapping[str, Any]],
    slots: Sequence[str],
    concerned: Sequence[str],
    abandon: Collection[str],
    snapshot: Collection[str],
    *,
    foreseen: bool = False,
) -> list[str]:
    """Return for whose sake `concerned` may not leave a machine, whose `work` was collected there.

    That is whose work is not verified at home, nor `foreseen` to be, and who is neither in `abandon` nor in `snapshot`.
    Where others stay in the machine's `slots` a snapshot does not count: the disk stays where it is, and so it is no
    copy to go by.
    """
    words = ("verified", "would_verify") if foreseen else ("verified",)
    safe = {each["username"] for each in work if any(each.get(word) for word in words)} | {*abandon}
    if {*slots} <= {LEFT, *concerned}:
        safe |= {*snapshot}
    return [name for name in concerned if name not in safe]


def with_disks_kept(
    release: Mapping[str, Any],
    still: Mapping[str, Any],
    snapshots: Iterable[Mapping[str, Any]],
    region: str,
) -> dict[str, Any]:
    """Return the plan `release`, as it is once the disks that it wants kept were: without a snapshot no machine goes.

    `still` is what the module `instance_states` returned when these machines were to stop, `snapshots` what each
    machine's snapshot came to, whose loop was over the plan's. A machine that did not stop is named in `retained`, one
    that did and has no snapshot in `unkept`, which the plan has not.
    """
    outcomes = {each["item"]["key"]: each for each in snapshots if each["item"]["key"] in release["snapshots"]}
    kept = {id_ for id_, outcome in outcomes.items() if outcome["changed"] and not outcome["failed"]}
    missing = [id_ for id_ in release["snapshots"] if id_ not in kept]
    if not missing:
        return {**release, "unkept": []}
    instances = [each for each in still["instances"] if each["instance_id"] in missing]
    run_on = {id_: why for id_, why in still["refused"].items() if id_ in missing}
    unkept = {
        id_: ": ".join(filter(None, [NO_SNAPSHOT, _first_line(explain_text(said, region) or said)]))
        for id_, said in ((id_, str(outcomes.get(id_, {}).get("msg", ""))) for id_ in missing if id_ not in run_on)
    }
    stay = {student for machine in map(Machine.from_instance, instances) for student in machine.students}
    steps = [release["next_steps"], "Run this again: only a machine with a snapshot of its disk goes."]
    if hanging := [each["instance_id"] for each in instances if each["state"]["name"] == "stopping"]:
        steps.append(
            "What hangs in stopping for ten minutes is stopped by force, which may lose what was written last:\n"
            f"aws ec2 stop-instances --force --region {region} --instance-ids {' '.join(hanging)}"
        )
    did_not_stop = {id_: f"it did not stop, so {NO_SNAPSHOT}: {why}" for id_, why in run_on.items()}
    return {
        **release,
        "instance_ids": [id_ for id_ in release["instance_ids"] if id_ not in missing],
        "snapshots": {id_: words for id_, words in release["snapshots"].items() if id_ in kept},
        "retained": [*release["retained"], *refused_machines(did_not_stop, instances)],
        "unkept": refused_machines(unkept, instances),
        "abandoned": [name for name in release["abandoned"] if name not in stay],
        "next_steps": "\n".join(filter(None, steps)),
    }


def brought_home(machines: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return what was brought home, by the id of the instance that it came from, from the machines' variables."""
    return {
        instance_id: outcome
        for machine in machines
        for instance_id, outcome in machine.get("work_brought_home", {}).items()
    }


def _why_unseen(machine: Machine, not_started: str, *, by_hand: bool) -> str:
    """Say why nothing came home. It is `by_hand` that it runs if it had stopped and this run did not start it."""
    if by_hand and machine.state not in STOPPED:
        return "it was started while this ran, so its work was not collected: run this again"
    if not_started:
        return f"it did not start, so its work was not collected: {not_started}"
    return "it could not be reached, so its work was not collected"


def _namesakes(machines: Iterable[Machine]) -> dict[str, list[str]]:
    """Return, by Name, the ids of machines of which several bear it."""
    bearers: dict[str, list[str]] = {}
    for machine in machines:
        bearers.setdefault(machine.seat, []).append(machine.instance_id)
    return {seat: sorted(ids) for seat, ids in bearers.items() if seat and len(ids) > 1}


def options_for(usernames: Sequence[str]) -> str:
    """Say what can be done about machines with work that is not at home."""

    def setting(name: str) -> str:
        return f"-e '{json.dumps({name: list(usernames)})}'"

    return (
        "Options: fix the problems above and run this again; or keep the whole disk as an EBS snapshot:\n"
        f"{setting('class_snapshot_work')}; or give the work up: {setting('class_abandon_work')}"
    )


def _first_line(said: str) -> str:
    return said.strip().partition("\n")[0]
