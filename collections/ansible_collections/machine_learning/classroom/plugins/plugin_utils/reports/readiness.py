"""What a configure run achieved, student by student."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import (
    ASK_AGAIN,
    Cause,
    cause_of,
    front_failure,
    missing_certificate,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

READY = "ready"
# What Ansible says when ssh gets no answer, and in our words.
NO_ANSWER = re.compile(r"no answer over ssh|could not be sent to remote host", re.IGNORECASE)
UNANSWERED = "no answer over ssh; look at the machine in the EC2 console"
NAME_TAKEN = "no account: the machine has one of this name for itself"
# A task's whole message has its place where the task failed; the table wants one line.
LONGEST_CAUSE = 100
MOST_NAMED = 8
"""Of machines with the same trouble: status.yml has all."""


class Readiness(TypedDict):
    """A table for people, everybody's username, those who cannot work yet, and what else is said.

    `refusals` are of names, letters and links, and fail a command, for somebody has something to mend. `warnings`
    fail none: with ssh a student is ready whose machine has no certificate yet.
    """

    table: str
    all: list[str]
    waiting: list[str]
    refusals: list[str]
    warnings: list[str]


def readiness(
    machines: Iterable[Mapping[str, Any]], usernames: Collection[str], *, ssh_works: bool = True
) -> Readiness:
    """Read from each machine's variables how far it came, for the students of the roster, `usernames`.

    `configure_outcome` is "ready" or what went wrong; a machine without it was lost on the way. `machine_slots` are
    the usernames on the machine, in the order of the ports. `mail_sent` is what became of the letters that were due,
    `student_given` of the accounts, `front_state` of the way in over https. That is no student's only one where
    `ssh_works` for them.
    """
    rows: list[tuple[str, str, str]] = []
    waiting, refusals = [], {}
    shut: dict[str, str] = {}
    uncertified: dict[Cause, dict[str, str]] = {}
    for machine in sorted(machines, key=lambda machine: str(machine["inventory_hostname"])):
        outcome = machine.get("configure_outcome") or "unreachable: the connection was lost"
        first, *_ = str(outcome).strip().splitlines()
        if NO_ANSWER.search(first):
            first = f"{first.partition(':')[0]}: {UNANSWERED}"
        sent, given = machine.get("mail_sent") or {}, machine.get("student_given") or {}
        failure = front_failure(machine) if outcome == READY else ""
        missing = missing_certificate(machine) if outcome == READY else None
        if missing is not None:
            uncertified.setdefault(cause_of(missing.trouble), {})[machine["inventory_hostname"]] = missing.story
        for username in (username for username in machine["machine_slots"] if username in usernames):
            said = first
            if failure:
                shut[machine["inventory_hostname"]] = failure
            if outcome != READY:
                waiting.append(username)
            elif username in given.get("refused", ()):
                said = NAME_TAKEN
                waiting.append(username)
                refusals[f"{machine['inventory_hostname']}: {given['msg']}"] = True
            elif username in sent.get("refused", ()):
                said = f"{READY}, but the letter was not accepted"
                refusals[sent["msg"]] = True
            elif failure:
                said = f"{READY} over ssh, but links open nothing: {failure}"
            elif missing is not None:
                said = f"{READY} over ssh, but links open nothing" if ssh_works else "links open nothing, and no ssh"
                said += f": {cause_of(missing.trouble).words}"
            if missing is not None and not ssh_works and username not in waiting:
                waiting.append(username)
            rows.append((machine["inventory_hostname"], username, _short(said)))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    table = "\n".join(f"{seat:{widths[0]}}  {username:{widths[1]}}  {outcome}" for seat, username, outcome in rows)
    return {
        "table": table or "No machine runs.",
        "all": [row[1] for row in rows],
        "waiting": waiting,
        "refusals": [*refusals, *([_shut(shut)] if shut else [])],
        "warnings": [_warning(cause, stories) for cause, stories in uncertified.items()],
    }


def _short(said: str) -> str:
    return said if len(said) <= LONGEST_CAUSE else f"{said[: LONGEST_CAUSE - 1]}…"


def _named(seats: Collection[str]) -> str:
    more = len(seats) - MOST_NAMED
    return ", ".join([*seats][:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _shut(failures: Mapping[str, str]) -> str:
    """Say in four lines that machines let no browsers in, and why the first of them does not; `failures` by seat."""
    seat, failure = next(iter(failures.items()))
    lines = [
        f"Links to {_named(failures)} open nothing yet, for https could not be set up there.",
        f"{seat}: {failure}",
        "Their students have ssh, and their letters say so. Mend what stands in the way, then try again:",
        ASK_AGAIN,
    ]
    return "\n".join(lines)


def _warning(cause: Cause, stories: Mapping[str, str]) -> str:
    """Say in four lines what keeps certificates away, with what was said of the first machine; `stories` by seat."""
    story = next((f"{seat}: {story}" for seat, story in stories.items() if story), "")
    lines = [
        f"No certificate on {_named(stories)}, so links open nothing yet: {cause.words}.",
        story,
        cause.advice,
        cause.command,
    ]
    return "\n".join(filter(None, lines))
