"""Whom a command is about: the students that `-e student=…` names, the machines that `--limit` names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

EVERYBODY = "all"
"""What `mail.yml -e student=all` sends to."""


class SelectionError(ValueError):
    """Nobody, or somebody who cannot be meant, was named; the message says what to do."""


@dataclass(frozen=True)
class Verb:
    """What a command takes and does: `releases` machines or slots, so that work may be abandoned.

    `no_limit` is the reason why it takes no `--limit`, `no_students` why naming students is refused. Who
    `knows_former` students passes over one whose seat a run before has given up.
    """

    names_students: bool = True
    needs_students: bool = False
    only_running: bool = False
    releases: bool = False
    knows_former: bool = False
    no_limit: str = ""
    no_students: str = ""


VERBS = {
    "collect": Verb(names_students=False),
    "link": Verb(needs_students=True),
    "start": Verb(no_limit="A machine that stopped is in no inventory, so --limit cannot name it."),
    "status": Verb(names_students=False),
    "stop": Verb(only_running=True, releases=True),
    "replace": Verb(
        needs_students=True,
        releases=True,
        knows_former=True,
        no_limit="replace.yml takes no --limit, for it would hide the new machine.",
    ),
    "retire": Verb(needs_students=True, releases=True, knows_former=True),
    "teardown": Verb(
        names_students=False,
        releases=True,
        knows_former=True,
        no_students="teardown.yml ends the whole class, whomever -e student names. Nothing was touched.\n"
        "Who left the roster gives up the seat with: ansible-playbook retire.yml -e student=ada",
    ),
}


@dataclass
class Selection:
    """Students, and the machines that they sit on or that `--limit` left.

    `instances` are these machines as `amazon.aws.ec2_instance_info` returns them.
    """

    students: list[str] = field(default_factory=list)
    instance_ids: list[str] = field(default_factory=list)
    seats: list[str] = field(default_factory=list)
    instances: list[Mapping[str, Any]] = field(default_factory=list)


def names_in(student: object) -> list[str]:
    """Return the usernames in what `-e student=…` gave, separated by commas, each once."""
    return list(dict.fromkeys(name.strip() for name in str(student or "").split(",") if name.strip()))


def refuse_limit(verb: str) -> None:
    """Raise SelectionError if the command `verb`, which was given a `--limit`, takes none."""
    if reason := VERBS[verb].no_limit:
        raise SelectionError(f"{reason} Nothing was done. Name students:\nansible-playbook {verb}.yml -e student=ada")


def select(
    verb: str,
    student: object,
    instances: Iterable[Mapping[str, Any]],
    *,
    limit: Collection[str] | None = None,
    known: Collection[str] = (),
    roster: Collection[str] = (),
) -> Selection:
    """Select the students whom `student` names on those of `instances` whose seat is in `limit`.

    Naming nobody selects everybody, and every machine, unless the command needs a name. `known` are all students the
    class has ever had: who of them sits nowhere, also outside of `limit`, is passed over, if the command may have done
    that before. Nobody who is in the `roster` can be retired, and only who is in it has a way in that can be renewed.
    Raise SelectionError where the command does not take what was named.
    """
    rule = VERBS[verb]
    if limit is not None:
        refuse_limit(verb)
    instances = list(instances)
    limited = [each for each in instances if limit is None or Machine.from_instance(each).seat in limit]
    if rule.no_students and names_in(student):
        raise SelectionError(rule.no_students)
    names = names_in(student) if rule.names_students else []
    if rule.needs_students and not names:
        raise SelectionError(
            "Who is meant? Name the student, or several with commas between:\n"
            f"ansible-playbook {verb}.yml -e student=ada"
        )
    seated = _seated(limited)
    former = {*known}.difference(_seated(instances)) if rule.knows_former else set()
    if unknown := [name for name in names if name not in seated and name not in former]:
        meant = "is meant" if limit is None else "--limit leaves"
        raise SelectionError(
            f"On no machine that {meant}: {', '.join(unknown)}. A student is named by username;\n"
            "ansible-playbook status.yml shows who sits where."
        )
    if verb == "retire" and (still := [name for name in names if name in roster]):
        raise SelectionError(
            f"Still in the roster: {', '.join(still)}. Take the line out of it first, then run again:\n"
            f"ansible-playbook {verb}.yml -e student={','.join(names)}"
        )
    if verb == "link" and (gone := [name for name in names if name not in roster]):
        raise SelectionError(
            f"Not in the roster any more: {', '.join(gone)}. Nothing is renewed; this ends their way in:\n"
            f"ansible-playbook retire.yml -e student={','.join(gone)}"
        )
    students = [name for name in names if name in seated] if names else seated
    return _of(students, [each for each in limited if not names or _sits(each, names)], rule)


def select_from_roster(student: object, roster: Sequence[str]) -> Selection:
    """Select students of the `roster`, for a letter; EVERYBODY is a name, too. Raise SelectionError for strangers."""
    names = names_in(student)
    if unknown := [name for name in names if name not in {*roster, EVERYBODY}]:
        raise SelectionError(
            f"Not in the roster: {', '.join(unknown)}. A student is named by username:\n{', '.join(roster)}"
        )
    return Selection(students=list(roster) if EVERYBODY in names else names)


def select_running(student: object, seated: Collection[str], class_name: str, *, limited: bool = False) -> Selection:
    """Select students who are `seated` on running machines; raise SelectionError if there is none, or a stranger.

    With `limited` these are not all machines of the class that run.
    """
    names = names_in(student)
    if not names:
        raise SelectionError(
            "Whose work? Name the student and, if it is not the newest, the day:\n"
            "ansible-playbook restore.yml -e student=ada -e at=2026-03-02"
        )
    if unknown := [name for name in names if name not in seated]:
        raise SelectionError(
            f"On no running machine of {class_name}{' that --limit leaves' if limited else ''}: {', '.join(unknown)}. "
            "A student is named by username.\n"
            "status.yml shows who sits where; provision.yml starts machines that stopped."
        )
    return Selection(students=names)


def check_abandoned(
    given: object, instances: Iterable[Mapping[str, Any]], setting: str, known: Collection[str] = ()
) -> str:
    """Return "" if `given` is a list of usernames that sit on `instances`, else the sentence that says what is wrong.

    There is no word for "everybody": whose work is lost is said by name. `setting` is where the list came from, `known`
    are students who may have lost their seat in a run before this one.
    """
    like_this = f"""A student is named by username: -e '{{"{setting}": ["ada"]}}'"""
    if isinstance(given, str) or not isinstance(given, list | tuple):
        return f"{setting} must be a list of usernames.\n{like_this}"
    seated = _seated(instances)
    if unknown := [str(name) for name in given if not isinstance(name, str) or name not in {*seated, *known}]:
        return f"{setting} names {', '.join(unknown)}, who sits on no machine of the class.\n{like_this}"
    return ""


def refuse_unknown_abandoned(
    lists: Mapping[str, object], instances: Iterable[Mapping[str, Any]], known: Collection[str] = ()
) -> None:
    """Raise SelectionError unless each of `lists`, by the name of its setting, is one that `check_abandoned` takes."""
    instances = list(instances)
    mistakes = [check_abandoned(given, instances, setting, known) for setting, given in lists.items()]
    if any(mistakes):
        raise SelectionError("Nothing was touched: " + "\n".join(filter(None, mistakes)))


def _seated(instances: Iterable[Mapping[str, Any]]) -> list[str]:
    return [name for machine in map(Machine.from_instance, instances) for name in machine.students]


def _sits(instance: Mapping[str, Any], names: Collection[str]) -> bool:
    return not {*Machine.from_instance(instance).students}.isdisjoint(names)


def _of(students: list[str], instances: list[Mapping[str, Any]], rule: Verb) -> Selection:
    if rule.only_running:
        instances = [each for each in instances if each["state"]["name"] in ("pending", "running")]
    machines = [Machine.from_instance(each) for each in instances]
    return Selection(
        students, [machine.instance_id for machine in machines], [machine.seat for machine in machines], instances
    )
