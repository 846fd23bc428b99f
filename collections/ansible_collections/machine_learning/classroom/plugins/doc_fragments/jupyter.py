"""What the modules about students' Jupyter services take."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment `machine_learning.classroom.jupyter`."""

    DOCUMENTATION = r"""
options:
  ports:
    description: The port of each student of this machine, by username.
    type: dict
    required: true
  tokens:
    description: The token of each student of this machine, by username.
    type: dict
    required: true
"""
