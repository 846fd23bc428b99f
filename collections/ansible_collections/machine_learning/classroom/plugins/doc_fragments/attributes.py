"""What every module says of --check and --diff."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment `machine_learning.classroom.attributes`; a module overrides what is otherwise with it."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Says in check mode what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows in diff mode what changes in files.
    support: none
"""
