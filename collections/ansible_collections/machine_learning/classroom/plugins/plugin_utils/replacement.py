"""Which machines are exchanged for others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import named_students

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass
class Exchange:
    """Which machines are exchanged: the students who move, the old machines' ids, or why nothing is.

    `pending` is what to remember until all is done: the old machine of each student who moves.
    """

    students: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    refusal: str = ""


def exchange(student: object, instances: Iterable[Mapping[str, Any]], pending: Mapping[str, str]) -> Exchange:
    """Find what `-e student=…` wants exchanged, and what a run before, which remembered `pending`, had begun.

    Who sits on another machine than the one remembered, or on none, has had the old one exchanged already. Neighbours
    move along.
    """
    machines = list(instances)
    named = named_students(student, machines, verb="replace", known=pending)
    if named.refusal:
        return Exchange(refusal=named.refusal)
    begun = {pending[name] for name in str(student).split(",") if name in pending}
    moving = Exchange(pending={name: machine for name, machine in pending.items() if machine in begun})
    for machine in map(Machine.from_instance, machines):
        if any(
            pending.get(name, machine.instance_id) == machine.instance_id
            for name in {*machine.students} & {*named.students}
        ):
            moving.old.append(machine.instance_id)
            moving.pending |= dict.fromkeys(machine.students, machine.instance_id)
    moving.students = sorted(moving.pending)
    return moving
