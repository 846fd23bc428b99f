"""What systemd makes of the variables of an environment."""

from __future__ import annotations

import json

import pytest
from ansible_collections.machine_learning.classroom.plugins.filter.environments import locked_variables


def test_a_lock_without_variables_has_none() -> None:
    assert locked_variables("") == []
    assert locked_variables("# platform: linux-64\n@EXPLICIT\n") == []


@pytest.mark.parametrize(
    ("value", "assignment"),
    [("007", '"SEED=007"'), ('say "x" at 5% of C:\\x', '"SEED=say \\"x\\" at 5%% of C:\\\\x"')],
)
def test_what_means_something_to_systemd_is_escaped(value: str, assignment: str) -> None:
    assert locked_variables(f"# variables: {json.dumps({'SEED': value})}\n") == [assignment]
