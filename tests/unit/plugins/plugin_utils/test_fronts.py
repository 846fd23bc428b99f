"""Of several results that a front leaves in a run the last one counts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.fronts import last_said

ASKED: dict[str, Any] = {"roles_needed": {"returned": {"front": {"certificate_until": "", "account": "asked"}}}}
RAN = {"front_state": {"certificate_until": "", "account": "ran"}}
CERTIFIED = {"front_certified": {"certificate_until": "", "account": "certified"}}


@pytest.mark.parametrize(
    ("machine", "account"),
    [
        (ASKED, "asked"),
        (ASKED | RAN, "ran"),
        (ASKED | RAN | CERTIFIED, "certified"),
        (ASKED | {"front_state": {"skipped": True}}, "asked"),
        (RAN | {"front_certified": {"failed": True, "msg": "no answer"}}, "ran"),
        ({"front_state": {"changed": True}}, None),  # it was taken away
        ({"roles_needed": {"failed": True}}, None),
        ({}, None),
    ],
)
def test_what_was_said_last_counts(machine: dict[str, Any], account: str | None) -> None:
    assert last_said(machine).get("account") == account
