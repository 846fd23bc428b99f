"""Filters about what may stop, be replaced or end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import (
    unsafe_students,
    with_disks_kept,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"unsafe_students": unsafe_students, "with_disks_kept": with_disks_kept}
