"""Machines that stopped after all of their students' work came home, and not started since.

What is on such a machine is at home, so nobody need start it to look. For each there is a small file at home,
`.at-rest/INSTANCE.json`: when the machine was launched or started last, and the version of each student's work. It
is written once the machine has stopped, closed to its students before the last collect. A start moves the time on, so
the file says nothing any more; nor does it where that version is not in the history at home.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FOLDER = ".at-rest"


def stop_records(
    instances: Iterable[Mapping[str, Any]],
    collected: Mapping[str, Sequence[Mapping[str, Any]]],
    home: str,
    class_name: str,
    addresses: Mapping[str, str],
    former_addresses: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, Any]]:
    """Return, by path, what to remember of those `instances` that stopped with all work `collected` and verified."""
    homes, found = _Homes(home, class_name, addresses, former_addresses), {}
    for instance in instances:
        machine = Machine.from_instance(instance)
        verified = {work["username"] for work in collected.get(machine.instance_id, []) if work["verified"]}
        if machine.state == "stopped" and machine.students and verified >= {*machine.students}:
            found[_path(home, machine)] = {
                "since": instance["launch_time"],
                "versions": {username: homes.of(username).history.head() for username in machine.students},
            }
    return found


def stopped_machines(
    instances: Iterable[Mapping[str, Any]],
    home: str,
    class_name: str,
    addresses: Mapping[str, str],
    former_addresses: Mapping[str, Sequence[str]],
) -> dict[str, list[dict[str, Any]]]:
    """Return the ids of `instances` that stopped with all work at home, with an outcome like that of a collect."""
    homes, found = _Homes(home, class_name, addresses, former_addresses), {}
    for instance in instances:
        machine = Machine.from_instance(instance)
        record = records.read_json(_path(home, machine))
        if machine.state != "stopped" or not record or record.get("since") != instance["launch_time"]:
            continue
        works = [_work(homes, username, record["versions"].get(username)) for username in machine.students]
        if all(works):
            found[machine.instance_id] = [work for work in works if work]
    return found


@dataclass
class _Homes:
    """Where each student's work is, by what the class knows of the students."""

    home: str
    class_name: str
    addresses: Mapping[str, str]
    former_addresses: Mapping[str, Sequence[str]]

    def of(self, username: str) -> StudentHome:
        owner = Owner(self.class_name, self.addresses.get(username, "").casefold())
        return StudentHome(self.home, username, owner, self.former_addresses.get(username, []))


def _work(homes: _Homes, username: str, version: str | None) -> dict[str, Any] | None:
    try:
        history = homes.of(username).history
        known = {known.commit: known for known in history.versions()}
        if version is None or (version and version not in known):
            return None
        files = len(history.state(version).files) if version else 0
    except (HistoryError, WorkError):
        return None
    return {"username": username, "verified": True, "files": files, "missing": not version, "reason": ""}


def _path(home: str, machine: Machine) -> str:
    return os.path.join(home, FOLDER, f"{machine.instance_id}.json")
