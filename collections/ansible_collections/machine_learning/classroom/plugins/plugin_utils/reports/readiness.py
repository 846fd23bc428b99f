"""What a configure run achieved, student by student."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

READY = "ready"
# What Ansible says when ssh gets no answer, and in our words.
NO_ANSWER = re.compile(r"no answer over ssh|could not be sent to remote host", re.IGNORECASE)
UNANSWERED = "no answer over ssh; look at the machine in the EC2 console"
NAME_TAKEN = "no account: the machine has one of this name for itself"
# A task's whole message has its place where the task failed; the table wants one line.
LONGEST_CAUSE = 100


class Readiness(TypedDict):
    """A table for people, everybody's username, those who cannot work yet, and what was said of names and letters."""

    table: str
    all: list[str]
    waiting: list[str]
    refusals: list[str]


def readiness(machines: Iterable[Mapping[str, Any]], usernames: Collection[str]) -> Readiness:
    """Read from each machine's variables how far it came, for the students of the roster, `usernames`.

    `configure_outcome` is "ready" or what went wrong; a machine without it was lost on the way. `machine_slots` are
    the usernames on the machine, in the order of the ports. `mail_sent` is what became of the letters that were due,
    `student_given` of the accounts.
    """
    rows: list[tuple[str, str, str]] = []
    waiting, refusals = [], {}
    for machine in sorted(machines, key=lambda machine: str(machine["inventory_hostname"])):
        outcome = machine.get("configure_outcome") or "unreachable: the connection was lost"
        first, *_ = str(outcome).strip().splitlines()
        if NO_ANSWER.search(first):
            first = f"{first.partition(':')[0]}: {UNANSWERED}"
        short = first if len(first) <= LONGEST_CAUSE else first[: LONGEST_CAUSE - 1] + "…"
        sent, given = machine.get("mail_sent") or {}, machine.get("student_given") or {}
        for username in (username for username in machine["machine_slots"] if username in usernames):
            said = short
            if outcome != READY:
                waiting.append(username)
            elif username in given.get("refused", ()):
                said = NAME_TAKEN
                waiting.append(username)
                refusals[f"{machine['inventory_hostname']}: {given['msg']}"] = True
            elif username in sent.get("refused", ()):
                said = f"{READY}, but the letter was not accepted"
                refusals[sent["msg"]] = True
            rows.append((machine["inventory_hostname"], username, said))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    table = "\n".join(f"{seat:{widths[0]}}  {username:{widths[1]}}  {outcome}" for seat, username, outcome in rows)
    return {
        "table": table or "No machine runs.",
        "all": [row[1] for row in rows],
        "waiting": waiting,
        "refusals": list(refusals),
    }
