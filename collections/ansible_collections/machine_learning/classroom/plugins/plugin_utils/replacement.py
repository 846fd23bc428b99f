"""Which machines are replaced by others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import names_in, select

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass
class Replacement:
    """The students who move, and the old machines that are still there.

    `pending` is what to remember until all is done: the old machine of each student who moves. `seated` are all who
    have a seat, or had one until it was taken from them here; `spares` the ids of machines on which nobody sits.
    `others` is what to go on remembering afterwards: replacements that other runs have begun.
    """

    students: list[str] = field(default_factory=list)
    instance_ids: list[str] = field(default_factory=list)
    instances: list[Mapping[str, Any]] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    seated: list[str] = field(default_factory=list)
    spares: list[str] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)


def plan_replacement(
    student: object,
    instances: Iterable[Mapping[str, Any]],
    pending: Mapping[str, str],
    limit: Collection[str] | None = None,
) -> Replacement:
    """Find what `-e student=…` wants replaced, and what a run before, which remembered `pending`, had begun.

    Who sits on another machine than the one remembered, or on none, has had the old one replaced already. Neighbours
    move along. Raise SelectionError if nobody, or a stranger, is named, or `limit` names machines.
    """
    instances = list(instances)
    named = select("replace", student, instances, limit=limit, known=pending)
    begun = {pending[name] for name in names_in(student) if name in pending}
    moving = Replacement(pending={name: machine for name, machine in pending.items() if machine in begun})
    for instance in instances:
        machine = Machine.from_instance(instance)
        moving.seated += machine.students
        if not machine.students:
            moving.spares.append(machine.instance_id)
        if any(
            pending.get(name, machine.instance_id) == machine.instance_id
            for name in {*machine.students} & {*named.students}
        ):
            moving.instance_ids.append(machine.instance_id)
            moving.instances.append(instance)
            moving.pending |= dict.fromkeys(machine.students, machine.instance_id)
    moving.students = sorted(moving.pending)
    moving.others = {name: machine for name, machine in pending.items() if name not in moving.pending}
    moving.seated = list(dict.fromkeys([*moving.seated, *moving.students]))
    return moving
