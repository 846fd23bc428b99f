"""Filters about links."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.links import (
    certificates_said,
    former_domains,
    link_hosts,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"certificates_said": certificates_said, "former_domains": former_domains, "link_hosts": link_hosts}
