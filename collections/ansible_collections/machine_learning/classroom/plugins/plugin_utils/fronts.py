"""What the front of a machine, its way in over https, has said in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def last_said(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a machine's front said last, from Ansible's variables of the machine; nothing if it said nothing.

    It does in C(front_certified), once its names had records, or before in C(front_state), or, where it needed nothing,
    when it was asked what it needs. A task that failed or was skipped registers a result, too, but nothing of a front.
    """
    asked = (machine.get("roles_needed") or {}).get("returned") or {}
    told: tuple[Mapping[str, Any], ...] = (
        machine.get("front_certified") or {},
        machine.get("front_state") or {},
        asked.get("front") or {},
    )
    return next((said for said in told if "certificate_until" in said), {})
