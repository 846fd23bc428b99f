"""A line for each student and each spare machine: all that AWS, the machines and this computer know of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import cents
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import (
    LEFT,
    Machine,
    seated_students,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import explain_failure
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import access_digest, letter_due
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import Certificate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import Timetable

NOTHING = "-"
RUNNING, NO_MACHINE = "running", "no machine yet"
ANSWERS, SILENT, UNREACHABLE = "answers", "silent", "unreachable"
NOT_SENT, OUT_OF_DATE = "written, not sent", "out of date"
SPARE, NOT_IN_ROSTER = "spare", "not in the roster"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


@dataclass(frozen=True)
class Seen:
    """What was seen `at` a moment, beside what AWS says.

    `machines` holds, by seat, what M(jupyter_services_info) returned of it, or why it could not be asked; `collected`,
    by username, when all work was last at home; `costs`, also by username, what was spent so far, in USD; `hosts`, what
    the machine of each who is to come in by a link is to browsers. What is missing is not known.
    """

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    machines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    collected: Mapping[str, datetime | None] = field(default_factory=dict)
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One student, or a spare machine. The texts are those of the table; `NOTHING` where there is nothing to say.

    It stops `with_class` if that is when class ends. `idle_s` is how many seconds ago a kernel or terminal was at work,
    `made` when the machine was launched, `unasked` why one that runs could not be asked. `front` is the certificate of
    one that lets browsers in over https, which `lacks_front` if it should and does not; `opened_s` how many seconds ago
    the student last came by the link.
    """

    seat: str = NOTHING
    username: str = ""
    note: str = ""
    state: str = NO_MACHINE
    instance_type: str = NOTHING
    stops_at: datetime | None = None
    with_class: bool = False
    address: str = NOTHING
    jupyter: str = NOTHING
    disk_percent: int | None = None
    idle_s: int | None = None
    collected: datetime | None = None
    usd: Decimal | None = None
    letter: str = NOTHING
    made: datetime | None = None
    unasked: str = ""
    ended_for_memory: int = 0
    locked_out: bool = False
    front: Certificate | None = None
    front_is_open: bool = True
    lacks_front: bool = False
    opened_s: int | None = None
    seen_at: datetime = datetime.min

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.seat, self.username

    @property
    def who(self) -> str:
        """The student, or what else there is in the student's place."""
        return f"{self.username} ({self.note})" if self.username and self.note else self.username or f"({self.note})"

    @property
    def stops(self) -> str:
        """When the machine stops itself."""
        return f"{self.stops_at:%d %b %H:%M} UTC" if self.stops_at else NOTHING

    @property
    def disk(self) -> str:
        """How full its disk is."""
        return NOTHING if self.disk_percent is None else f"{self.disk_percent}%"

    @property
    def idle(self) -> str:
        """For how long nothing was computed or typed."""
        if self.idle_s is None:
            return NOTHING
        return _span(timedelta(seconds=self.idle_s)) if self.idle_s >= MINUTE_S else "busy"

    @property
    def collected_ago(self) -> str:
        """How long ago all work was at home."""
        return f"{_span(self.seen_at - self.collected)} ago" if self.collected else NOTHING

    @property
    def certificate(self) -> str:
        """Until when its certificate is valid."""
        return self.front.words(self.seen_at) if self.front else NOTHING

    @property
    def opened(self) -> str:
        """How long ago the student came by the link."""
        return NOTHING if self.opened_s is None else f"{_span(timedelta(seconds=self.opened_s))} ago"

    @property
    def cost(self) -> str:
        """What was spent so far, by estimate."""
        return NOTHING if self.usd is None else f"{cents(self.usd)} $"


def class_lines(
    instances: Sequence[Mapping[str, Any]],
    students: Sequence[Mapping[str, Any]],
    answering: Mapping[str, bool],
    accounts: Mapping[str, Mapping[str, Any]],
    state_dir: str,
    max_hours: int,
    timetable: Timetable | None = None,
    seen: Seen | None = None,
) -> list[Line]:
    """List a line per student and per spare machine, in the order of the seats; who has no machine comes last.

    `instances` are AWS's records of the machines, `students` the roster's, `answering` says by username whether a
    Jupyter does, `accounts` what each student logs in with; a machine stops itself after `max_hours`, unless that is 0,
    and when class ends by the `timetable`.
    """
    seen = seen or Seen()
    lines: list[Line] = []
    for instance in instances:
        machine = Machine.from_instance(instance)
        of_machine = _of_machine(instance, machine, max_hours, timetable, seen)
        known = {student["username"]: student for student in seated_students(" ".join(machine.slots), accounts)}
        for slot in machine.slots or ("",):
            if slot == LEFT:
                continue
            about: dict[str, Any] = {"username": slot}
            if not slot:
                about["note"] = SPARE
            elif slot not in known:
                about["note"] = NOT_IN_ROSTER
            else:
                about["jupyter"] = _jupyter(answering.get(slot), machine.state)
                about["letter"] = _letter(known[slot], machine, state_dir)
                about |= _of_student(slot, seen.machines.get(machine.seat, {}), seen.hosts)
            about |= {"collected": seen.collected.get(slot), "usd": seen.costs.get(slot) if slot else None}
            lines.append(Line(**of_machine, **about))
    lines.sort(key=lambda line: line.seat)  # who shares a machine stays in the order of its ports
    seated = {line.username for line in lines}
    absent = [student["username"] for student in students if student["username"] not in seated]
    return lines + [Line(username=name, collected=seen.collected.get(name), seen_at=seen.at) for name in absent]


def _of_machine(
    instance: Mapping[str, Any], machine: Machine, max_hours: int, timetable: Timetable | None, seen: Seen
) -> dict[str, Any]:
    said = seen.machines.get(machine.seat, {})
    since = datetime.fromisoformat(instance["launch_time"])
    booted = seen.at - timedelta(seconds=said["seconds_since_boot"]) if "seconds_since_boot" in said else since
    # So long after it booted; if nobody could ask when that was, after it was started, or later.
    moments = [booted + timedelta(hours=max_hours)] if max_hours else []
    class_ends = timetable.next_stop(seen.at) if timetable else None
    stops_at = min([*moments, *([class_ends] if class_ends else [])], default=None)
    disks = [disk.get("ebs", {}).get("attach_time") for disk in instance.get("block_device_mappings", [])]
    return {
        "seat": machine.seat or machine.instance_id,
        "state": machine.state,
        "instance_type": instance["instance_type"],
        "address": machine.address or NOTHING,
        "stops_at": stops_at if machine.state == RUNNING else None,
        "with_class": stops_at is not None and stops_at == class_ends,
        "disk_percent": said.get("disk_percent"),
        "made": min((datetime.fromisoformat(time) for time in disks if time), default=since),
        "unasked": "" if "answering" in said or machine.state != RUNNING else explain_failure(said),
        "front": Certificate.of(said["front"]) if said.get("front") else None,
        "front_is_open": said.get("front", {}).get("open", True),
        "seen_at": seen.at,
    }


def _of_student(username: str, said: Mapping[str, Any], hosts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "lacks_front": bool(hosts.get(username)) and "answering" in said and not said.get("front"),
        "idle_s": said.get("idle_seconds", {}).get(username),
        "ended_for_memory": said.get("ended_for_memory", {}).get(username, 0),
        "locked_out": username in said.get("locked_out", ()),
        "opened_s": said.get("opened_seconds", {}).get(username),
    }


def _jupyter(answers: bool | None, state: str) -> str:
    if state != RUNNING:
        return NOTHING
    return UNREACHABLE if answers is None else ANSWERS if answers else SILENT


def _letter(student: Mapping[str, Any], machine: Machine, state_dir: str) -> str:
    receipt = Path(state_dir, "receipts", f"{student['username']}.json")
    kept = receipt.read_text() if receipt.is_file() else ""
    if not kept:
        written = Path(state_dir, "letters", f"{student['username']}.eml").is_file()
        return NOT_SENT if written else NOTHING
    if letter_due(kept, access_digest(student, machine.seat, machine.address)):
        return OUT_OF_DATE
    return f"accepted {json.loads(kept)['accepted']}"


def _span(time: timedelta) -> str:
    """Write a span in its largest unit, rounded down: "4 min", "2 h", "3 d"."""
    seconds = max(int(time.total_seconds()), 0)
    for unit, length in (("d", DAY_S), ("h", HOUR_S)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds // MINUTE_S} min"
