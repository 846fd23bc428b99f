"""What is said where one of the project's Python packages is missing; machines have none of them and need none."""

from __future__ import annotations

from ansible.module_utils.basic import missing_required_lib


def missing_package(name: str) -> str:
    """Say that the package `name` is missing, for which Python, and what installs it."""
    return str(missing_required_lib(name, reason="on the control node; run `make setup`, then this again"))
