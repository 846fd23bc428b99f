"""What goes wrong with students' work, in words for whoever reads them."""

from __future__ import annotations


class PackError(Exception):
    """The pack cannot be written: the machine's own disk."""


class HistoryError(Exception):
    """Why the history cannot be read or written, in words for the instructor."""


class NoRoomError(HistoryError):
    """The disk is full."""


class WorkError(Exception):
    """A sentence for the instructor: why a student's work is not at home."""


class OwnWorkError(Exception):
    """A sentence for the student."""
