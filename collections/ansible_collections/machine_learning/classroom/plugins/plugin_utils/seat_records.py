"""Which seats get records in DNS, which keep them, and which machines are then to order a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import LEFT, Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import full_name, slot_name
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.fronts import last_said

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

RUNNING = ("pending", "running")


def seat_records(machines: Iterable[Mapping[str, Any]], domain: str) -> dict[str, list[Any]]:
    """Return what is known of `machines` after they were made ready, which are Ansible's variables of each.

    `seats` have an account with the authority, so they get records; `kept` are those of machines of which this run does
    not know it, so theirs stay as they are. Whole names of these are `coming` where the front has said that there is no
    account yet: for in check mode it asks for none. `waiting` machines have names that are not certified, `certified`
    ones are.
    """
    found: dict[str, list[Any]] = {"seats": [], "kept": [], "coming": [], "waiting": [], "certified": []}
    for machine in machines:
        seat, front, names = str(machine["inventory_hostname"]), last_said(machine), machine["machine_names"]
        if not front.get("account"):
            found["kept"] += slots(seat, machine["aws_ec2_tags"]["Students"].split())
            found["coming"] += names if front else []
            continue
        address, account = str(machine["ansible_host"]), front["account"]
        found["seats"] += [
            {"name": name.removesuffix(f".{domain}"), "address": address, "account": account} for name in names
        ]
        if names and front["certificate_due"]:
            found["waiting"].append(seat)
        elif names:
            whole = full_name(slot_name(seat, 0), domain)
            found["certified"].append(
                {"instance_id": str(machine["aws_instance_id"]), "name": whole, "names": sorted(names)}
            )
    return found


def standing_names(
    instances: Iterable[Mapping[str, Any]], gone: Collection[str], students: Mapping[str, str]
) -> list[str]:
    """Return the names, without the domain, of slots that are taken on those of `instances` that run.

    Those whose ids are in `gone` no longer do. `students` has other tags Students of some, by instance id.
    """
    machines = [
        Machine.from_instance(each)
        for each in instances
        if each["instance_id"] not in gone and each["state"]["name"] in RUNNING
    ]
    return [
        name
        for machine in machines
        for name in slots(machine.seat, students.get(machine.instance_id, " ".join(machine.slots)).split())
    ]


def slots(seat: str, students: Iterable[str]) -> list[str]:
    """Return the names of the slots of a machine that are taken."""
    return [slot_name(seat, slot) for slot, username in enumerate(students) if username != LEFT]
