"""What goes wrong with students' work; each error is a sentence for whoever it concerns."""

from __future__ import annotations


class PackError(Exception):
    """The pack cannot be written: its disk does not take it."""


class HistoryError(Exception):
    """Why the history cannot be read or written, in words for the instructor."""


class NoRoomError(HistoryError):
    """The disk is full."""


class WorkError(Exception):
    """A sentence for the instructor: why a student's work is not at home."""


class CommandError(Exception):
    """Why a save, `my-work` or `bring-back` did not do what it should, in words for the student."""
