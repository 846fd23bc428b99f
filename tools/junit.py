"""JUnit files: how tests went, for whoever shows or counts them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A terminal's colours, and characters that XML forbids.
NOT_IN_XML = re.compile("\x1b\\[[0-9;]*m|[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True)
class Case:
    """A test: its name, seconds, in a few words what went wrong ("" if nothing did), and all that it said."""

    name: str
    seconds: float
    failure: str = ""
    said: str = ""


def plain(said: str) -> str:
    """Return what a command said without what only a terminal understands."""
    return NOT_IN_XML.sub("", said)


def write(path: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write the file `path` of a suite of tests; of those that failed with what they said."""
    failures = sum(bool(case.failure) for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "skipped": "0"}
    seconds = f"{sum(case.seconds for case in cases):.3f}"
    root = ElementTree.Element("testsuites")
    listed = ElementTree.SubElement(root, "testsuite", {"name": suite, **counts, "time": seconds})
    for case in cases:
        about = {"classname": suite, "name": case.name, "time": f"{case.seconds:.3f}"}
        element = ElementTree.SubElement(listed, "testcase", about)
        if case.failure:
            ElementTree.SubElement(element, "failure", message=case.failure).text = plain(case.said)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
