"""Filters about machines that stopped with all work at home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.stopped_machines import (
    at_rest,
    records_of_rest,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"at_rest": at_rest, "records_of_rest": records_of_rest}
