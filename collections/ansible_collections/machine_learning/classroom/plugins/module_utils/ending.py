"""Which machines may stop, be replaced or end: those whose students' work is verified at home or given up, no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.module_utils.seats import LEFT, Machine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    Collected = Mapping[str, Sequence[Mapping[str, Any]]]


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
    collected: Collected,
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


def given_up_mistake(
    given: object, instances: Iterable[Mapping[str, Any]], setting: str, known: Collection[str] = ()
) -> str:
    """Return "" if `given` is a list of usernames that sit on `instances`, else the sentence that says what is wrong.

    There is no word for "everybody": whose work is lost is said by name. `setting` is where the list came from, `known`
    are students who may have lost their seat in a run before this one.
    """
    like_this = f"""A student is named by username: -e '{{"{setting}": ["ada"]}}'"""
    if isinstance(given, str) or not isinstance(given, list | tuple):
        return f"{setting} must be a list of usernames.\n{like_this}"
    seated = {student for machine in map(Machine.from_instance, instances) for student in machine.students}
    if unknown := [str(name) for name in given if not isinstance(name, str) or name not in {*seated, *known}]:
        return f"{setting} names {', '.join(unknown)}, who sits on no machine of the class.\n{like_this}"
    return ""


@dataclass
class Named:
    """Whom `-e student=…` names: the students, their machines' ids and seats; or why nobody is meant."""

    students: list[str] = field(default_factory=list)
    instance_ids: list[str] = field(default_factory=list)
    seats: list[str] = field(default_factory=list)
    refusal: str = ""


def named_students(
    student: object,
    instances: Iterable[Mapping[str, Any]],
    *,
    verb: str,
    known: Collection[str] = (),
    staying: Collection[str] = (),
    required: bool = True,
) -> Named:
    """Find the students whom `student` names, separated by commas, on `instances`.

    Who is `known` but sits nowhere is passed over: that was done before. Nobody who is `staying` may be named.
    Without `required`, naming nobody means everybody, and every machine.
    """
    example = f"ansible-playbook {verb}.yml -e student=ada"
    names = list(dict.fromkeys(name.strip() for name in str(student or "").split(",") if name.strip()))
    machines = [Machine.from_instance(instance) for instance in instances]
    if not names and not required:
        return _named([name for machine in machines for name in machine.students], machines)
    if not names:
        return Named(refusal=f"Who is meant? Name the student, or several with commas between:\n{example}")
    seated = {name for machine in machines for name in machine.students}
    if unknown := [name for name in names if name not in seated and name not in known]:
        return Named(
            refusal=f"On no machine that is meant: {', '.join(unknown)}. A student is named by username;\n"
            "ansible-playbook status.yml shows who sits where."
        )
    if still := [name for name in names if name in staying]:
        return Named(
            refusal=f"Still in the roster: {', '.join(still)}. Take the line out of it first, then run again:\n"
            f"ansible-playbook {verb}.yml -e student={','.join(names)}"
        )
    return _named(
        [name for name in names if name in seated], [machine for machine in machines if {*machine.students} & {*names}]
    )


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


def _named(students: list[str], machines: Sequence[Machine]) -> Named:
    return Named(students, [machine.instance_id for machine in machines], [machine.seat for machine in machines])


class Summary(TypedDict):
    """A line for each student, and who is not safe."""

    table: str
    unsafe: list[str]


def collect_summary(
    instances: Iterable[Mapping[str, Any]], collected: Collected, *, check_mode: bool = False
) -> Summary:
    """Say for every student on `instances` whether the work is at home."""
    rows, unsafe = [("SEAT", "STUDENT", "WORK")], []
    for machine in sorted(map(Machine.from_instance, instances), key=lambda machine: machine.seat):
        outcome = {work["username"]: work for work in collected.get(machine.seat, [])}
        for username in machine.students:
            work = outcome.get(username)
            if work is None:
                said = "could not be reached" if machine.state == "running" else f"the machine is {machine.state}"
            elif work["verified"]:
                said = f"{work['files']} files at home" if not work["missing"] else "no folder on the machine"
            else:
                said = work["reason"]
            if not (work and (work["verified"] or (check_mode and work["would_verify"]))):
                unsafe.append(username)
                said = f"NOT SAFE: {said}"
            rows.append((machine.seat, username, said))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return {
        "table": "\n".join(f"{seat:{widths[0]}}  {who:{widths[1]}}  {said}" for seat, who, said in rows),
        "unsafe": unsafe,
    }
