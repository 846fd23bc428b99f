"""Links that bring students in over https: what they lead to, and how they read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import LEFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def link_hosts(machines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return what each student's browser calls the machine, by username; `machines` are Ansible's variables of each."""
    return {
        username: str(machine["ansible_host"])
        for machine in machines
        for username in machine["aws_ec2_tags"]["Students"].split()
        if username != LEFT
    }


def https_link(account: Mapping[str, Any], host: str) -> str:
    """Return the link of a student whose machine is `host` to browsers; "" if there is none, or it leads elsewhere.

    If the student has a page that stays, it is the link: it leads to the machine wherever that is.
    """
    if not host or account.get("link_host") != host:
        return ""
    return account.get("stable_link") or f"https://{host}/open/{account['link_secret']}"
