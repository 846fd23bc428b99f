"""What each student's browser calls the machine: a seat's name, the machine's address, or nothing where ssh is alone.

Also before there is a machine, so that it is said who gets no name while it costs nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines import seats
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import LEFT, Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.certificates import (
    Order,
    certified,
    plan,
    read_orders,
    write_orders,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import full_name, slot_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

ORDERS = "certificates.json"
"""In the class's state: the certificates that its machines have ordered."""


class OrdersError(ValueError):
    """What was ordered cannot be read; the message says what to do."""


@dataclass(frozen=True)
class Hosts:
    """What students' browsers call their machines, and who is to order certificates for that."""

    by_student: dict[str, str]
    """By username. Nothing: there is no https for this student."""
    said: str = ""
    """How many certificates are ordered, and who gets none for now; nothing where none is due."""
    nameless: tuple[str, ...] = ()
    """The usernames of those who get no name for now."""


def student_hosts(
    machines: Iterable[Machine], domain: str, orders: Sequence[Order], now: datetime, *, several: bool
) -> Hosts:
    """Return the hosts of all who sit on `machines`; without a `domain` these are addresses.

    An address is for one student: where `several` share machines, a student without a name has ssh alone. Raises
    NamesError for what cannot stand in DNS.
    """
    seated = sorted((machine for machine in machines if machine.students), key=lambda machine: machine.seat)
    alone = {machine: not several and len(machine.students) == 1 for machine in seated}
    addresses = {name: each.address if alone[each] else "" for each in seated for name in each.students}
    if not domain:
        return Hosts(addresses)
    has = certified(orders)
    names = {machine: _names(machine, domain) for machine in seated}
    first = {machine: full_name(slot_name(machine.seat, 0), domain) for machine in seated}
    valid = [first[each] for each in seated if has.get(each.instance_id) == frozenset(names[each].values())]
    found = plan(domain, first.values(), valid, orders, now)
    # Who has a name keeps it, whoever comes to the machine.
    without = {
        first[each]: [who for who, name in names[each].items() if name not in has.get(each.instance_id, ())]
        for each in seated
        if first[each] in found.without
    }
    nameless = {username for usernames in without.values() for username in usernames}
    named = {username: name for known in names.values() for username, name in known.items() if username not in nameless}
    said = found.words(without, several=several) if found.ordered or nameless else ""
    return Hosts(addresses | named, said, tuple(sorted(nameless)))


def foreseen(
    usernames: Sequence[str], instances: Sequence[Mapping[str, Any]], *, class_name: str, students_per_machine: int
) -> list[Machine]:
    """Return the machines of the class as they will be once all `usernames` have a seat, also those to be launched."""
    planned = seats.plan(usernames, instances, class_name=class_name, students_per_machine=students_per_machine)
    there = [Machine.from_instance(_tagged(each, planned.tags.get(each["instance_id"], {}))) for each in instances]
    taken = {machine.seat for machine in there}
    free = (seat for seat in seats.seat_names(class_name) if seat not in taken)
    groups = range(0, len(planned.waiting), students_per_machine)
    waiting = [tuple(planned.waiting[begin : begin + students_per_machine]) for begin in groups]
    return there + [Machine("", "", seat, slots) for seat, slots in zip(free, waiting, strict=False)]


def know_orders(state_dir: str) -> list[Order]:
    """Return what the class has ordered. Raises OrdersError if that cannot be read."""
    path = Path(state_dir, ORDERS)
    try:
        return read_orders(path.read_text(encoding="utf-8") if path.exists() else "")
    except (OSError, ValueError) as error:
        raise OrdersError(
            f"{path}: it is not known which certificates were ordered ({error}).\n"
            "Bring the file back from your backup, or delete it: then none counts that was ordered before. Run again."
        ) from error


def note_orders(state_dir: str, machines: Iterable[Mapping[str, Any]], now: datetime, *, keep: bool) -> list[str]:
    """Remember the certificates that `machines` have: each has `instance_id`, its seat's whole `name`, and all `names`.

    Return the names of those that were not known; with `keep` false they are not remembered.
    """
    known = know_orders(state_dir)
    has = certified(known)
    new = [
        Order(each["name"], now, each["instance_id"], tuple(each["names"]))
        for each in machines
        if has.get(each["instance_id"]) != frozenset(each["names"])
    ]
    if new and keep:
        write_bytes(os.path.join(state_dir, ORDERS), write_orders([*known, *new], now).encode())
    return [order.name for order in new]


def _names(machine: Machine, domain: str) -> dict[str, str]:
    """Return the whole name of each student on a machine."""
    return {username: full_name(name, domain) for username, name in _slots(machine)}


def _slots(machine: Machine) -> Iterator[tuple[str, str]]:
    """Return who sits in which slot, and its name."""
    for slot, username in enumerate(machine.slots):
        if username != LEFT:
            yield username, slot_name(machine.seat, slot)


def _tagged(instance: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    return {**instance, "tags": {**(instance.get("tags") or {}), **tags}}
