"""What the actions that decide whom a command is about take."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment `machine_learning.classroom.selection`."""

    DOCUMENTATION = r"""
options:
  student:
    description: The usernames that C(-e student=) named, with commas between.
    type: raw
    default: ""
  limit:
    description: The seats that C(--limit) left. Without it, all are.
    type: list
    elements: str
  abandoned:
    description:
      - The lists of students whose work is given up, each by the name of the setting that it comes from. Fails if
        somebody in them sits on no machine of O(instances) and is not O(known).
    type: dict
    default: {}
"""
