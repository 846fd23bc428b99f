"""Programs that the lab runs: those that fail are named."""

from __future__ import annotations

import pytest

from lab.shell import LabError, run


def test_a_program_that_is_missing_or_fails_is_named() -> None:
    with pytest.raises(LabError, match="no-such-program-here is not installed"):
        run("no-such-program-here")
    with pytest.raises(LabError, match="bad luck"):
        run("sh", "-c", "echo bad luck >&2; exit 3")
