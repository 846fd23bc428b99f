"""Filters about taking machines down, and about what is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.ending import (
    abandon_mistake,
    collect_summary,
    machines_to_end,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "machines_to_end": machines_to_end,
            "abandon_mistake": abandon_mistake,
            "collect_summary": collect_summary,
        }
