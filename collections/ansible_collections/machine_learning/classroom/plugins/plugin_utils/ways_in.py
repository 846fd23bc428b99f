"""What keeps students out of a machine, as the class saw it last: for letters that are written without a look at it.

It is remembered in `ways_in.json` of the class's state, by instance id; nothing of a machine that keeps nobody out.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import (
    Certificate,
    https_trouble,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.readiness import READY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class WayIn(TypedDict):
    """Why links open nothing yet, "" if they do or nobody knows; and the usernames that were refused an account."""

    https_trouble: str
    refused: list[str]


def read_ways_in(text: str) -> dict[str, WayIn]:
    """Return what was remembered, by instance id, from the text of `ways_in.json`.

    What cannot be read says nothing: the next look at the machines finds it out again.
    """
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        return {
            instance_id: {"https_trouble": str(way["https_trouble"]), "refused": [str(name) for name in way["refused"]]}
            for instance_id, way in json.loads(text or "{}").items()
        }
    return {}


def way_in(machine: Mapping[str, Any], kept: Mapping[str, WayIn]) -> WayIn:
    """Return what keeps students out of a machine, from its variables; what this run has not seen is as it was `kept`.

    A run that made the machine ready has seen all of it; one that asked how it is, whether it has a certificate by now.
    """
    known = WayIn(https_trouble="", refused=[])
    if machine.get("configure_outcome") != READY:
        known = kept.get(str(machine.get("aws_instance_id")), known)
    seated = machine["aws_ec2_tags"]["Students"].split()
    refused = (machine.get("student_given") or {}).get("refused", known["refused"])
    before = "" if _is_certified(machine) else known["https_trouble"]
    return {
        "https_trouble": https_trouble(machine) or before,
        "refused": [username for username in refused if username in seated],
    }


def _is_certified(machine: Mapping[str, Any]) -> bool:
    front = (machine.get("jupyter_answers") or {}).get("front") or {}
    return Certificate.of(front).is_valid(datetime.now(UTC))


def ways_in(machines: Iterable[Mapping[str, Any]], kept: str = "") -> dict[str, WayIn]:
    """Return what is to be remembered of `machines`, by instance id; `kept` is what was, as text."""
    before = read_ways_in(kept)
    found = {str(machine["aws_instance_id"]): way_in(machine, before) for machine in machines}
    return {instance_id: way for instance_id, way in found.items() if any(way.values())}
