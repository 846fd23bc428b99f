"""docs/first-day.md as its tables have it, and the file that `make first-day` writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools import PROJECT
from tools.first_day import GUIDE

ROW = re.compile(r"^\| (?P<number>\d+) \| [^|]+ \| (?P<known>lab|read) \| (?P<typed>[^|]+) \|", re.MULTILINE)
# Code that is something to type, not the name of a file or setting.
COMMAND = re.compile(r"`((?:time )?(?:ansible|ansible-playbook|aws|make) [^`]+)`")


@dataclass(frozen=True)
class Row:
    """A row of the guide: from where it is known, `lab` or `read`, and the commands to type, in their order."""

    known: str
    commands: tuple[str, ...]


def rows() -> dict[int, Row]:
    """Return the guide's rows by their numbers."""
    found = ROW.finditer(GUIDE.read_text(encoding="utf-8"))
    return {int(row["number"]): Row(row["known"], tuple(COMMAND.findall(row["typed"]))) for row in found}


def under(number: int, text: str) -> str:
    """Return what `make first-day` wrote under a number."""
    return text.split(f"\n{number:>2} ", 1)[1].split(f"\n{number + 1:>2} ", 1)[0]


def file_of(said: str) -> Path:
    """Return the file that `make first-day` says it wrote."""
    (path,) = re.findall(r"^Written to (\S+\.txt)\.", said, re.MULTILINE)
    return PROJECT / str(path)
