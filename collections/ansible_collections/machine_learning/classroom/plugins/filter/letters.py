"""Filters about letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import addressees
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.ways_in import ways_in

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"addressees": addressees, "ways_in": ways_in}
