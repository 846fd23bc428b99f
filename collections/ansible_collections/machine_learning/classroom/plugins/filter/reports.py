"""Filters that lay out what people read at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.collect_summary import collect_summary
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.readiness import readiness
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_table import status_table

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"collect_summary": collect_summary, "readiness": readiness, "status_table": status_table}
