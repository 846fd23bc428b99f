"""The class at a glance: who has which machine, and whether it works."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import Timetable, read
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import (
    LEFT,
    Machine,
    seated_students,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import access_digest, letter_due

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEADINGS = ("SEAT", "STUDENT", "STATE", "TYPE", "STOPS", "ADDRESS", "JUPYTER", "LETTER")
NOTHING = "-"


def status_rows(
    instances: Sequence[Mapping[str, Any]],
    students: Sequence[Mapping[str, Any]],
    answering: Mapping[str, bool],
    accounts: Mapping[str, Mapping[str, Any]],
    state_dir: str,
    max_hours: int,
    timetable: Timetable | None = None,
) -> list[tuple[str, ...]]:
    """List a row per student and per spare machine, in the order of the seats; who has no machine comes last."""
    types = {instance["instance_id"]: instance["instance_type"] for instance in instances}
    stops = {instance["instance_id"]: _stops(instance, max_hours, timetable) for instance in instances}
    machines = sorted(
        (Machine.from_instance(instance) for instance in instances), key=lambda m: (m.seat, m.instance_id)
    )
    rows: list[tuple[str, ...]] = []
    for machine in machines:
        seat, address = machine.seat or machine.instance_id, machine.address or NOTHING
        known = {student["username"]: student for student in seated_students(" ".join(machine.slots), accounts)}
        for slot in machine.slots or ("",):
            if slot == LEFT:
                continue
            if not slot:
                jupyter, letter, who = NOTHING, NOTHING, "(spare)"
            elif slot not in known:
                jupyter, letter, who = NOTHING, NOTHING, f"{slot} (not in the roster)"
            else:
                jupyter = _jupyter(answering.get(slot), machine.state)
                letter = _letter(known[slot], machine, state_dir)
                who = slot
            of = machine.instance_id
            rows.append((seat, who, machine.state, types[of], stops[of], address, jupyter, letter))
    seated = {student for machine in machines for student in machine.students}
    rows += [
        (NOTHING, student["username"], "no machine yet", *[NOTHING] * 5)
        for student in students
        if student["username"] not in seated
    ]
    return rows


def status_table(
    instances: Sequence[Mapping[str, Any]],
    students: Sequence[Mapping[str, Any]],
    answering: Mapping[str, bool],
    accounts: Mapping[str, Mapping[str, Any]],
    state_dir: str,
    max_hours: int,
    timetable: Any = None,
) -> str:
    """Lay the rows of `status_rows` out as a text table; `timetable` is `class_timetable`. Raise TimetableError."""
    rows = [HEADINGS, *status_rows(instances, students, answering, accounts, state_dir, max_hours, read(timetable))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _stops(instance: Mapping[str, Any], max_hours: int, timetable: Timetable | None) -> str:
    """Say when the machine stops itself, if that is known.

    That is when class ends next, or so long after it was started (or later, if it was rebooted since).
    """
    if instance["state"]["name"] != "running":
        return NOTHING
    started = datetime.fromisoformat(instance["launch_time"])
    moments = [started + timedelta(hours=max_hours)] if max_hours else []
    moments += [timetable.next_stop(datetime.now(UTC))] if timetable else []
    return f"{min(moments):%d %b %H:%M} UTC" if moments else NOTHING


def _jupyter(answers: bool | None, state: str) -> str:
    if state != "running":
        return NOTHING
    return "unreachable" if answers is None else "answers" if answers else "silent"


def _letter(student: Mapping[str, Any], machine: Machine, state_dir: str) -> str:
    receipt = Path(state_dir, "receipts", f"{student['username']}.json")
    kept = receipt.read_text() if receipt.is_file() else ""
    if not kept:
        written = Path(state_dir, "letters", f"{student['username']}.eml").is_file()
        return "written, not sent" if written else NOTHING
    if letter_due(kept, access_digest(student, machine.seat, machine.address)):
        return "out of date"
    return f"accepted {json.loads(kept)['accepted']}"
