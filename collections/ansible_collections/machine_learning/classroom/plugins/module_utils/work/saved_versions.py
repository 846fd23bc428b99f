"""Versions that a machine saved itself, as machine and home name them to each other: by time and tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_SAVED = 5000
"""Versions that a machine may send: far above what it keeps."""
KNOWN_SAVED = 20
"""Versions that a machine is told of, so that it sends what came after: it keeps one of them at least."""
_LATEST = 1 << 33  # in the year 2242
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Saved(NamedTuple):
    """A version that a machine saved: when, and its tree. It may get another commit, but these stay."""

    seconds: int
    tree: str

    def check(self) -> None:
        """Raise HistoryError for what no honest machine sends."""
        if type(self.seconds) is not int or not 0 <= self.seconds < _LATEST:
            raise HistoryError("a version has no time")
        if not isinstance(self.tree, str) or not _OBJECT.fullmatch(self.tree):
            raise HistoryError("a version has no tree")


class KnownSaved(NamedTuple):
    """What a machine is told of the versions that home has."""

    saved: list[Saved]
    """The newest."""
    collected: Saved | None
    """Of the newest collect the time and the tree `work`; None if a machine saved something after it."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> KnownSaved:
        """Return what `_asdict` made, after a journey through JSON."""
        collected = values["collected"]
        return cls([Saved(*row) for row in values["saved"]], Saved(*collected) if collected else None)
