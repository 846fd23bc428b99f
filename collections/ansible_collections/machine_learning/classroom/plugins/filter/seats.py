"""Filters about seats."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import (
    SeatError,
    plan,
    refused_machines,
    seated_students,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def seat_plan(
    usernames: Sequence[str],
    instances: Sequence[Mapping[str, Any]],
    class_name: str,
    students_per_machine: int,
    spare_machines: int,
) -> dict[str, Any]:
    """Plan the seats of `usernames` on `instances`; see `plan` in `module_utils/machines/seats.py`."""
    try:
        return asdict(
            plan(
                usernames,
                instances,
                class_name=class_name,
                students_per_machine=int(students_per_machine),
                spare_machines=int(spare_machines),
            )
        )
    except SeatError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "refused_machines": refused_machines,
            "seat_plan": seat_plan,
            "seated_students": seated_students,
        }
