"""Which machines may be terminated: those whose students' work is verified at home or given up, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.module_utils.seats import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Collected = Mapping[str, Sequence[Mapping[str, Any]]]


class Ending(TypedDict):
    """Instance ids that may go, a sentence for each machine that stays, and who loses work that is not at home."""

    ending: list[str]
    kept: list[str]
    abandoned: list[str]


def machines_to_end(
    instances: Iterable[Mapping[str, Any]],
    collected: Collected,
    *,
    abandon: Sequence[str] = (),
    check_mode: bool = False,
) -> Ending:
    """Weigh each instance by `collected`, the outcome of role work by seat.

    A machine may go if none of its places is taken, or if the work of everyone who sits there is verified at home or
    is in `abandon`, usernames whose work is given up. A seat that is missing in `collected` was not reached. In check
    mode, when nothing ends, work that could come home counts as if it had.
    """
    safe = ("verified", "would_verify") if check_mode else ("verified",)
    ending, kept, abandoned = [], [], []
    for machine in map(Machine.from_instance, instances):
        outcome = {work["username"]: work for work in collected.get(machine.seat, [])}
        unsafe = [name for name in machine.students if not any(outcome.get(name, {}).get(word) for word in safe)]
        if all(name in abandon for name in unsafe):
            ending.append(machine.instance_id)
            abandoned += unsafe
            continue
        unsafe = [name for name in unsafe if name not in abandon]
        who = f"{machine.seat or machine.instance_id} ({machine.state}; {', '.join(machine.students)})"
        reasons = [f"{username}: {outcome[username]['reason']}" for username in unsafe if username in outcome]
        kept.append(f"{who}: {'; '.join(reasons) or 'it could not be reached, so its work was not collected'}")
    return {"ending": ending, "kept": kept, "abandoned": sorted(abandoned)}


def abandon_mistake(abandon: object, instances: Iterable[Mapping[str, Any]]) -> str:
    """Return "" if `abandon` is a list of usernames that sit on `instances`, else the sentence that says what is wrong.

    There is no word for "everybody": whose work is lost is said by name.
    """
    like_this = """A student is named by username: -e '{"class_abandon_work": ["ada"]}'"""
    if isinstance(abandon, str) or not isinstance(abandon, list | tuple):
        return f"class_abandon_work must be a list of usernames.\n{like_this}"
    seated = {student for machine in map(Machine.from_instance, instances) for student in machine.students}
    if unknown := [str(name) for name in abandon if not isinstance(name, str) or name not in seated]:
        return f"class_abandon_work names {', '.join(unknown)}, who sits on no machine of the class.\n{like_this}"
    return ""


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
