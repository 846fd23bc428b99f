"""What is said of one student's work."""

from __future__ import annotations

import json

from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.student_report import Report


def test_the_report_is_a_short_sentence_whatever_the_names() -> None:
    report = Report("ada")
    report.note_manifest(
        Manifest(
            unstable=[f"\x1b[31m{n}\n" for n in range(500)],
            special={"p\udcff\n": "a named pipe"},
            files=3,
            bytes=12_345,
        )
    )
    report.conclude()
    line = report.sentence()
    assert line.isprintable()
    assert len(line) < 600
    assert len(report.unstable) == 101
    assert "and more than 97 more" in line
    json.dumps(report.as_dict()).encode()
