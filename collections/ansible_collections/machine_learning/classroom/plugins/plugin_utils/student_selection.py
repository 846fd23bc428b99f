"""Which students a command is about, by `-e student=…` and by the lists of abandoned work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


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


def _named(students: list[str], machines: Sequence[Machine]) -> Named:
    return Named(students, [machine.instance_id for machine in machines], [machine.seat for machine in machines])
