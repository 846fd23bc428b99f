"""Whose work is at home after a collect."""

from __future__ import annotations

from typing import Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.collect_summary import collect_summary

from tests.support.instances import instance, work


def test_a_collect_ends_with_a_line_for_every_student() -> None:
    stopped = instance("ml-003", "joan") | {"state": {"name": "stopped"}}
    machines = [stopped, instance("ml-001", "ada - grace"), instance("ml-002", "mary"), instance("ml-004", "")]
    full = {"files": 3, "missing": False, "would_verify": False}
    collected = {"work": [work("ada") | full, work("grace", "big.bin is too large") | full]}
    asked: list[dict[str, Any]] = [
        {"aws_instance_id": "i-ml-001", "work_collected": collected},
        {"aws_instance_id": "i-ml-002"},
    ]
    summary = collect_summary(machines, asked, {})
    assert summary["table"].splitlines() == [
        "SEAT    STUDENT  WORK",
        "ml-001  ada      3 files at home",
        "ml-001  grace    NOT SAFE: big.bin is too large",
        "ml-002  mary     NOT SAFE: could not be reached",
        "ml-003  joan     NOT SAFE: the machine is stopped",
    ]
    assert summary["unsafe"] == ["grace", "mary", "joan"]
    assert collect_summary(machines, asked, {"i-ml-003": [work("joan") | full]})["unsafe"] == ["grace", "mary"]
