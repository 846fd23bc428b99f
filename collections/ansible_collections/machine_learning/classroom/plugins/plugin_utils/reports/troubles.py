"""What is wrong in a class, the worst first, each with the command that mends it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import FULL
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import (
    ASK_AGAIN,
    Cause,
    cause_of,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import (
    ANSWERS,
    NO_MACHINE,
    NOT_IN_ROSTER,
    NOT_SENT,
    NOTHING,
    OUT_OF_DATE,
    RUNNING,
    SILENT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import Line

FULL_PERCENT = 90
"""Of a disk: from here on a machine empties trash by itself, and a data set or a checkpoint may not fit."""
SOON = timedelta(hours=1)
LONG_AWAY = timedelta(days=7)
"""How long work may lie on a machine alone: from one class to the next."""
MOST_NAMES = 8
"""In a sentence. A command names everybody."""

OTHER_KEY = re.compile("REMOTE HOST IDENTIFICATION HAS CHANGED", re.IGNORECASE)
NO_KEY = re.compile("Host key verification failed", re.IGNORECASE)
"""What ssh says at last in both cases."""
SEATS, STUDENTS = " --limit {}", " -e student={}"
"""How a command names those whom it is about."""


@dataclass(frozen=True)
class Kind:
    """A kind of trouble: its `title`, whether a line `has` it, what to do (`advice`), and the `command` for that.

    `names` is how the command is told whom it is about; empty where it finds them itself. What is not `urgent` keeps
    nobody from working now.
    """

    title: str
    has: Callable[[Line], bool]
    advice: str
    command: str
    names: str = ""
    urgent: bool = True


@dataclass(frozen=True)
class Trouble:
    """Trouble of one kind, and the lines that have it."""

    title: str
    lines: tuple[Line, ...]
    advice: str
    command: str
    urgent: bool

    @cached_property
    def places(self) -> frozenset[tuple[str, str]]:
        """The seat and username of each line."""
        return frozenset(line.place for line in self.lines)

    @property
    def whose(self) -> str:
        """The students with their seats; of many, some."""
        names = [f"{line.who} on {line.seat}" if line.seat != NOTHING else line.who for line in self.lines]
        more = len(names) - MOST_NAMES
        return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def find_troubles(lines: Sequence[Line], state_dir: str, *, sends_letters: bool) -> list[Trouble]:
    """Find what is wrong, the worst first.

    A letter that was written and not sent is trouble only in a class that `sends_letters`.
    """
    found = []
    for kind in _kinds(lines, state_dir, sends_letters=sends_letters):
        if those := tuple(line for line in lines if kind.has(line)):
            command = f"{kind.command}{_named(kind.names, those, lines)}"
            found.append(Trouble(kind.title, those, kind.advice, command, kind.urgent))
    return sorted(found, key=lambda trouble: not trouble.urgent)


def worst_first(lines: Sequence[Line], troubles: Sequence[Trouble]) -> list[Line]:
    """Order the lines by the worst trouble that each has; those that have none, or none that is urgent, come last."""
    urgent = [trouble for trouble in troubles if trouble.urgent]

    def rank(line: Line) -> int:
        return next((number for number, trouble in enumerate(urgent) if line.place in trouble.places), len(urgent))

    return sorted(lines, key=rank)


def _kinds(lines: Sequence[Line], state_dir: str, *, sends_letters: bool) -> list[Kind]:
    """List all kinds, the worst first."""
    running = {line.seat for line in lines if line.state == RUNNING}
    silent_seats = {line.seat for line in lines if _gives_no_answer(line)}
    nobody = len(running) > 1 and silent_seats == running
    return [
        Kind(
            "The host key is not the one that was pinned",
            lambda line: bool(OTHER_KEY.search(line.unasked)),
            "Stop: let nobody log in there before you know why. Compare the fingerprint in the system log that the EC2 "
            "console shows with yours:",
            f"ssh-keygen -l -f {state_dir}/known_hosts",
        ),
        Kind(
            "The host key is not known yet",
            lambda line: bool(NO_KEY.search(line.unasked)) and not OTHER_KEY.search(line.unasked),
            "This reads it from the machine's console:",
            "ansible-playbook provision.yml configure.yml",
        ),
        Kind(
            "No machine can be reached",
            lambda line: nobody and _gives_no_answer(line),
            "It is probably the network that you are in: many let nothing out by port 22. Take another network, or put "
            "443 first in class_ssh_ports, then:",
            "ansible-playbook status.yml",
        ),
        Kind(
            "No answer over ssh",
            lambda line: not nobody and _gives_no_answer(line),
            "Reboot it in the EC2 console, and Jupyter starts by itself. If it stays so:",
            "ansible-playbook replace.yml",
            STUDENTS,
        ),
        Kind(
            "Runs, but students are locked out",
            lambda line: line.locked_out,
            "Somebody started it in the EC2 console after stop.yml. This lets them in again:",
            "ansible-playbook start.yml",
            STUDENTS,
        ),
        Kind(
            "Jupyter is silent",
            lambda line: line.jupyter == SILENT and not line.locked_out,
            "This starts it, or quotes its last words:",
            "ansible-playbook configure.yml",
            SEATS,
        ),
        Kind(
            "Links open nothing since the machine has another address",
            lambda line: line.state == RUNNING and not line.front_is_open,
            "This makes new links and sends them:",
            "ansible-playbook configure.yml",
            SEATS,
        ),
        Kind(
            "No https on the machine, so links open nothing",
            lambda line: line.lacks_front,
            "This sets it up:",
            "ansible-playbook configure.yml",
            SEATS,
        ),
        *_of_certificates(lines),
        Kind(
            "Memory was not enough",
            lambda line: line.ended_for_memory > 0,
            "A kernel was ended for it since Jupyter began; its student restarts it. For more memory put a larger type "
            "first in class_instance_type, then:",
            "ansible-playbook replace.yml",
            STUDENTS,
        ),
        Kind(
            "The disk is nearly full",
            lambda line: line.unasked == FULL or (line.disk_percent or 0) >= FULL_PERCENT,
            "Ask for room: what is in the trash and what nobody needs can go. For a larger disk raise class_disk_gb, "
            "then:",
            "ansible-playbook replace.yml",
            STUDENTS,
        ),
        Kind(
            "No machine yet",
            lambda line: line.state == NO_MACHINE,
            "A line of the roster that is new, or a machine that EC2 did not have:",
            "ansible-playbook provision.yml configure.yml",
        ),
        Kind(
            "No letter yet",
            lambda line: line.jupyter == ANSWERS and line.letter == NOTHING,
            "The machine was not made ready to its end:",
            "ansible-playbook configure.yml",
            SEATS,
        ),
        Kind(
            "The letter is out of date or was not accepted",
            lambda line: line.state == RUNNING and _letter_is_due(line, sends_letters=sends_letters),
            "This sends what is due, and says why a letter is refused:",
            "ansible-playbook mail.yml",
        ),
        Kind(
            "Class ends within the hour",
            lambda line: _stops_soon(line) and line.with_class,
            "If it goes on, let it end later in class_timetable, then:",
            "ansible-playbook configure.yml",
            urgent=False,
        ),
        Kind(
            "Stops within the hour",
            lambda line: _stops_soon(line) and not line.with_class,
            "If the class goes on: a reboot sets the clock back. Files stay, kernels end:",
            "ansible machines -m ansible.builtin.reboot",
            SEATS,
            urgent=False,
        ),
        Kind(
            "Stopped, while others run",
            lambda line: bool(running) and line.state == "stopped",
            "This starts all that are stopped:",
            "ansible-playbook start.yml",
            urgent=False,
        ),
        Kind(
            f"Work was not brought home for {LONG_AWAY.days} days",
            _long_away,
            "This brings home what is new:",
            "ansible-playbook collect.yml",
            urgent=False,
        ),
        Kind(
            "Not in the roster any more",
            lambda line: line.note == NOT_IN_ROSTER,
            "This brings the work home and gives up the seat:",
            "ansible-playbook retire.yml",
            STUDENTS,
            urgent=False,
        ),
    ]


def _of_certificates(lines: Sequence[Line]) -> list[Kind]:
    """List a kind for each cause that keeps machines from a certificate, with the authority's words of the first one.

    Who has none that is valid cannot come in over https, so that is urgent, although ssh works.
    """
    found: dict[tuple[Cause, bool], Line] = {}
    for line in lines:
        if about := _certificate_trouble(line):
            found.setdefault(about, line)
    return [
        Kind(
            f"No certificate, so links open nothing: {cause.words}" if urgent else f"No newer one yet: {cause.words}",
            partial(_has_certificate_trouble, (cause, urgent)),
            f"{line.seat}: {line.front.story} {cause.advice}" if line.front and line.front.story else cause.advice,
            cause.command,
            SEATS if cause.command == ASK_AGAIN else "",
            urgent=urgent,
        )
        for (cause, urgent), line in found.items()
    ]


def _has_certificate_trouble(about: tuple[Cause, bool], line: Line) -> bool:
    return _certificate_trouble(line) == about


def _certificate_trouble(line: Line) -> tuple[Cause, bool] | None:
    """Return what keeps the line's machine from a certificate, and whether it has none that is valid."""
    front = line.front
    if line.state != RUNNING or front is None or not line.front_is_open:
        return None
    if front.is_valid(line.seen_at):
        return (cause_of(front.trouble), False) if front.trouble else None
    return cause_of(front.trouble), True


def _gives_no_answer(line: Line) -> bool:
    return bool(line.unasked) and line.unasked != FULL and not NO_KEY.search(line.unasked)


def _stops_soon(line: Line) -> bool:
    return line.stops_at is not None and line.stops_at - line.seen_at < SOON


def _letter_is_due(line: Line, *, sends_letters: bool) -> bool:
    return line.letter == OUT_OF_DATE or (sends_letters and line.letter == NOT_SENT)


def _long_away(line: Line) -> bool:
    home = line.collected or line.made
    return bool(line.username and line.state == RUNNING and home and line.seen_at - home > LONG_AWAY)


def _named(how: str, those: Sequence[Line], everybody: Sequence[Line]) -> str:
    """Return what a command needs to be about `those` alone; nothing where they are all that it could be about."""
    if how == STUDENTS:
        names = [line.username for line in those if line.username]
    else:
        names = list(dict.fromkeys(line.seat for line in those))
        if {*names} == {line.seat for line in everybody if line.state == RUNNING}:
            return ""
    return how.format(",".join(names)) if how and names else ""


def in_lines(troubles: Sequence[Trouble]) -> str:
    """Say them for a terminal: what and whose, what to do, and the command in a line of its own."""
    said = []
    for title, urgent in (("In trouble:", True), ("Not urgent:", False)):
        those = [trouble for trouble in troubles if trouble.urgent == urgent]
        said += [title] if those else []
        for trouble in those:
            said += [f"  {trouble.title}: {trouble.whose}", f"    {trouble.advice}", f"    {trouble.command}"]
    return "\n".join(said)
