"""Links that bring students in over https: what they lead to, and how they read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.certificates import Order, read_orders
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_hosts import Hosts, student_hosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def link_hosts(
    machines: Iterable[Mapping[str, Any]], domain: str, certificates: str, students_per_machine: int
) -> dict[str, str]:
    """Return what each student's browser calls the machine, by username; `machines` are Ansible's variables of each.

    Nothing for those who have ssh alone. `certificates` is what the class remembers of those that it has ordered.
    """
    return _hosts(machines, domain, certificates, students_per_machine).by_student


def certificates_said(
    machines: Iterable[Mapping[str, Any]], domain: str, certificates: str, students_per_machine: int
) -> str:
    """Say how many certificates `machines` are to order for their names, and who gets none; nothing if none is due."""
    return _hosts(machines, domain, certificates, students_per_machine).said


def former_domains(certificates: str, domain: str) -> list[str]:
    """Return other domains than `domain` for whose names the class has ordered certificates."""
    return sorted({order.name.partition(".")[2] for order in _orders(certificates)} - {domain})


def https_link(account: Mapping[str, Any], host: str) -> str:
    """Return the link of a student whose machine is `host` to browsers; "" if there is none, or it leads elsewhere.

    If the student has a page that stays, it is the link: it leads to the machine wherever that is.
    """
    if not host or account.get("link_host") != host:
        return ""
    return account.get("stable_link") or f"https://{host}/open/{account['link_secret']}"


def _hosts(machines: Iterable[Mapping[str, Any]], domain: str, certificates: str, students_per_machine: int) -> Hosts:
    seated = [
        Machine(
            str(machine.get("aws_instance_id", "")),  # without it, no certificate is known to be there
            "running",
            str(machine["inventory_hostname"]),
            tuple(machine["aws_ec2_tags"]["Students"].split()),
            str(machine["ansible_host"]),
        )
        for machine in machines
    ]
    orders, several = _orders(certificates), students_per_machine > 1
    return student_hosts(seated, domain, orders, datetime.now(UTC), several=several)


def _orders(certificates: str) -> list[Order]:
    """Read what was ordered; nothing of what is no list of orders, which is refused elsewhere in words."""
    with suppress(ValueError):
        return read_orders(certificates)
    return []
