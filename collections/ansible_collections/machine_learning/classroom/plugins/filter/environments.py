"""Filters about the environment of the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import variables

if TYPE_CHECKING:
    from collections.abc import Callable


def locked_variables(lock: str) -> list[str]:
    """Return the `variables:` of a lock's content as systemd's `Environment=` takes them."""
    return [f'"{name}={_quoted(value)}"' for name, value in variables(lock)]


def _quoted(value: str) -> str:
    """Escape what means something to systemd between quotation marks: see systemd.exec(5), Environment=."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {"locked_variables": locked_variables}
