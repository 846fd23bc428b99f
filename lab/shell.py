"""Running programs, and the one error that users of the lab see."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class LabError(Exception):
    """Something that a person can act on: the message says what, why, and the next command."""


def run(*command: str, environment: Mapping[str, str] | None = None, timeout: float = 600) -> str:
    """Run `command`, return its standard output without surrounding space.

    `environment` is added to this process's own. Raises LabError with the end of standard error when it fails, is
    missing, or takes longer than `timeout` seconds.
    """
    done = attempt(*command, environment=environment, timeout=timeout)
    if done.returncode != 0:
        reason = done.stderr.strip()[-600:] or f"exit status {done.returncode}"
        raise LabError(f"{' '.join(command[:2])}: {reason}")
    return done.stdout.strip()


def attempt(
    *command: str, environment: Mapping[str, str] | None = None, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run `command` and return how it went, whatever its exit status. Raises LabError when it cannot run at all."""
    try:
        return subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed. `python -m lab up` installs what the lab needs.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(command[:2])} did not end within {timeout:.0f} s.") from error
