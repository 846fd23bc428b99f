"""Who sits where: the seats of a class, read from the machines' tags and planned for the roster.

The tags are the only record. `Name` is the seat (CLASS-001), `Students` the usernames in the order of their ports,
separated by spaces; `-` keeps the slot of one who left; an empty `Students` is a spare machine.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# The first student of a machine has this port, the next one the next.
FIRST_PORT = 8888
LEFT = "-"
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
LONGEST_TAG = 256
# Instances in these states have a disk, so they are machines of the class.
STANDING = ("pending", "running", "stopping", "stopped")


class SeatError(ValueError):
    """The tags of the class's machines contradict each other, or a seat cannot be given."""


@dataclass(frozen=True)
class Machine:
    """One EC2 instance of the class."""

    instance_id: str
    state: str
    seat: str
    slots: tuple[str, ...]
    address: str = ""

    @property
    def students(self) -> tuple[str, ...]:
        """The usernames that sit here."""
        return tuple(slot for slot in self.slots if slot != LEFT)

    @classmethod
    def from_instance(cls, instance: Mapping[str, Any]) -> Machine:
        """Read an instance as `amazon.aws.ec2_instance_info` returns it."""
        tags = instance.get("tags") or {}
        return cls(
            instance_id=instance["instance_id"],
            state=instance["state"]["name"],
            seat=tags.get("Name", ""),
            slots=tuple(tags.get("Students", "").split()),
            address=instance.get("public_ip_address") or "",
        )


@dataclass
class Plan:
    """What is to be done so that every student has a seat.

    `launch` machines are missing, and with them a seat for each of `waiting`; `tags` are to be set, by instance id;
    `left` sit on machines but not in the roster.
    """

    launch: int = 0
    waiting: list[str] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def plan(
    usernames: Sequence[str],
    instances: Iterable[Mapping[str, Any]],
    *,
    class_name: str,
    students_per_machine: int = 1,
    spare_machines: int = 0,
) -> Plan:
    """Plan seats so that nobody ever changes seat.

    Whoever has a seat keeps it. Others take free slots on machines that are begun, then spare machines, then
    machines that are still to be launched. Raises `SeatError` when the tags contradict each other.
    """
    machines = sorted((Machine.from_instance(instance) for instance in instances), key=_by_seat)
    _refuse_contradictions(machines)
    seated = {student for machine in machines for student in machine.students}
    waiting = [username for username in usernames if username not in seated]
    slots = {machine.instance_id: list(machine.slots) for machine in machines}
    begun = [machine for machine in machines if machine.students]
    spare = [machine for machine in machines if not machine.students]
    for machine in begun + spare:
        free = students_per_machine - len(machine.students)
        for username in waiting[: max(free, 0)]:
            slots[machine.instance_id].append(username)
        waiting = waiting[max(free, 0) :]
    for begin in range(0, len(waiting), students_per_machine):  # before they are launched, not once they cost money
        _refuse_long_tag("a new machine", " ".join(waiting[begin : begin + students_per_machine]))
    spares_left = sum(1 for machine in spare if not _present(slots[machine.instance_id]))
    launch = -(-len(waiting) // students_per_machine) + max(spare_machines - spares_left, 0)
    return Plan(
        launch=launch,
        waiting=waiting,
        tags=_tags(machines, slots, class_name),
        left=sorted(seated - set(usernames)),
    )


def seat_names(class_name: str) -> Iterator[str]:
    """Return the names of all seats that a class can have, in the order in which they are given."""
    return (f"{class_name}-{number:03d}" for number in range(1, 1000))


def seated_students(students_tag: str, accounts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """List the students of one machine with their ports and what `accounts` knows of them, by username.

    Students without an account (not in the roster any more) keep their port but are not configured.
    """
    return [
        {"username": username, "port": FIRST_PORT + slot, **accounts[username]}
        for slot, username in enumerate(students_tag.split())
        if username in accounts
    ]


def refused_machines(refused: Mapping[str, str], instances: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name the machines that are `refused`, with why by instance id, and whose they are: a line for each reason."""
    machines = {machine.instance_id: machine for machine in map(Machine.from_instance, instances)}
    named: dict[str, list[str]] = {}
    for instance_id, reason in refused.items():
        machine = machines.get(instance_id, Machine(instance_id, "", "", ()))
        named.setdefault(reason, []).append(f"{machine.seat or instance_id} ({', '.join(machine.students) or 'spare'})")
    return [f"{', '.join(sorted(names))}: {reason}" for reason, names in named.items()]


def _by_seat(machine: Machine) -> tuple[bool, str, str]:
    return (not machine.seat, machine.seat, machine.instance_id)


def _present(slots: Iterable[str]) -> list[str]:
    return [slot for slot in slots if slot != LEFT]


def _refuse_contradictions(machines: Sequence[Machine]) -> None:
    for what, values in (
        ("seat", [machine.seat for machine in machines if machine.seat]),
        ("student", [student for machine in machines for student in machine.students]),
    ):
        twice = sorted(value for value, count in Counter(values).items() if count > 1)
        if twice:
            holders = ", ".join(m.instance_id for m in machines if twice[0] == m.seat or twice[0] in m.students)
            raise SeatError(
                f"The {what} {twice[0]} stands on more than one machine: {holders}.\n"
                "Look at both in the EC2 console, remove the tag Students or Name from the wrong one, and run again."
            )


def _tags(machines: Sequence[Machine], slots: Mapping[str, list[str]], class_name: str) -> dict[str, dict[str, str]]:
    taken = {machine.seat for machine in machines}
    free_seats = (seat for seat in seat_names(class_name) if seat not in taken)
    wanted: dict[str, dict[str, str]] = {}
    for machine in machines:
        students = " ".join(slots[machine.instance_id])
        _refuse_long_tag(machine.seat or machine.instance_id, students)
        tags = {}
        if not machine.seat:
            tags["Name"] = next(free_seats)
        if students != " ".join(machine.slots):
            tags["Students"] = students
        if tags:
            wanted[machine.instance_id] = tags
    return wanted


def _refuse_long_tag(machine: str, students: str) -> None:
    if len(students) > LONGEST_TAG:
        raise SeatError(
            f"The usernames on {machine} are longer than a tag can be "
            f"({len(students)} of {LONGEST_TAG} characters). Lower class_students_per_machine."
        )
