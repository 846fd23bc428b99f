"""What keeps students out of a machine: what a run has seen goes over what was remembered, and nothing else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.ways_in import read_ways_in, way_in, ways_in

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.ways_in import WayIn

MACHINE: dict[str, Any] = {"aws_instance_id": "i-1", "aws_ec2_tags": {"Students": "ada - docker"}}
READY = {"configure_outcome": "ready"}
LATER = {"front_state": {"certificate_until": "", "certificate_trouble": "come back later"}}
SAID = "it has no certificate: the authority refused it: 'come back later'."
KEPT: dict[str, WayIn] = {
    "i-1": {"https_trouble": "was seen", "refused": ["docker"]},
    "i-2": {"https_trouble": "", "refused": ["ada"]},
}


@pytest.mark.parametrize(
    ("seen", "trouble", "refused"),
    [
        ({}, "was seen", ["docker"]),
        (READY, "", []),
        (READY | LATER | {"student_given": {"refused": ["ada"]}}, SAID, ["ada"]),
        # It failed on the way: in front of the accounts, behind them, and at the front.
        ({"configure_outcome": "no room"}, "was seen", ["docker"]),
        ({"configure_outcome": "no room", "student_given": {"refused": []}}, "was seen", []),
        ({"configure_outcome": "no haproxy", **LATER, "student_given": {"skipped": True}}, SAID, ["docker"]),
        # status.yml has asked.
        ({"jupyter_answers": {"front": {"certificate_until": "2126-03-08T10:00:00+00:00"}}}, "", ["docker"]),
        ({"jupyter_answers": {"front": {"certificate_until": "2026-03-08T10:00:00+00:00"}}}, "was seen", ["docker"]),
        ({"jupyter_answers": {"msg": "no answer"}}, "was seen", ["docker"]),
        # Another student has the seat now.
        ({"aws_ec2_tags": {"Students": "ada - grace"}}, "was seen", []),
    ],
)
def test_what_this_run_has_not_seen_is_as_it_was(seen: dict[str, Any], trouble: str, refused: list[str]) -> None:
    assert way_in(MACHINE | seen, KEPT) == {"https_trouble": trouble, "refused": refused}


def test_only_what_keeps_somebody_out_of_a_machine_that_is_there_is_remembered() -> None:
    others = [{**MACHINE, **READY, "aws_instance_id": "i-3"}, {**MACHINE, "aws_instance_id": "i-4"}]
    assert ways_in([MACHINE, *others], json.dumps(KEPT)) == {"i-1": KEPT["i-1"]}
    assert ways_in([MACHINE | READY], json.dumps(KEPT)) == {}
    assert ways_in([MACHINE]) == {}


@pytest.mark.parametrize(
    "torn", ["", "{", "null", "[]", '"i-1"', '{"i-1": null}', '{"i-1": {"refused": []}}', '{"i-1": {"refused": 7}}']
)
def test_what_somebody_tore_says_nothing(torn: str) -> None:
    assert read_ways_in(torn) == {}
    assert ways_in([MACHINE], torn) == {}


def test_what_is_remembered_is_read_again() -> None:
    assert read_ways_in(json.dumps(KEPT)) == KEPT
