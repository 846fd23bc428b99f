"""A filter about students' addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils import credentials as kept

if TYPE_CHECKING:
    from collections.abc import Callable


def former_addresses(credentials: Mapping[str, kept.Credential], changed_addresses: Any) -> dict[str, list[str]]:
    """Return, by username, the addresses that students had before.

    A setting that is no mapping is named where settings are checked. It keeps no work from coming home.
    """
    changed = changed_addresses if isinstance(changed_addresses, Mapping) else {}
    return kept.former_addresses(credentials, changed)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"former_addresses": former_addresses}
