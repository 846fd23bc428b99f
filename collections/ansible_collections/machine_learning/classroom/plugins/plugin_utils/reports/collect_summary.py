"""Whose work is at home after a collect, student by student."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Summary(TypedDict):
    """A line for each student, and who is not safe."""

    table: str
    unsafe: list[str]


def collect_summary(
    instances: Iterable[Mapping[str, Any]],
    machines: Iterable[Mapping[str, Any]],
    stopped: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    check_mode: bool = False,
) -> Summary:
    """Say for every student on `instances` whether the work is at home.

    `machines` are the variables of those that a collect asked: each has its outcome in `work_collected`. `stopped` are
    the outcomes, by instance id, of machines that stopped with all work at home.
    """
    collected = {each["aws_instance_id"]: each.get("work_collected", {}).get("work", []) for each in machines}
    collected |= stopped
    rows, unsafe = [("SEAT", "STUDENT", "WORK")], []
    for machine in sorted(map(Machine.from_instance, instances), key=lambda machine: machine.seat):
        outcome = {work["username"]: work for work in collected.get(machine.instance_id, [])}
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
