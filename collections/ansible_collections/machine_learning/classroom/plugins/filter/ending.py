"""Filters about taking machines down, and about what is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.machine_learning.classroom.plugins.module_utils.ending import (
    AbandonError,
    check_abandoned,
    collect_summary,
    machines_to_end,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def abandoned(abandon: object, instances: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the usernames in `abandon`; see `module_utils.ending.check_abandoned`."""
    try:
        return check_abandoned(abandon, instances)
    except AbandonError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"machines_to_end": machines_to_end, "abandoned": abandoned, "collect_summary": collect_summary}
