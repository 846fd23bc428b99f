"""What every module says of --check and --diff; and that it is an action, where it is one."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragments `machine_learning.classroom.attributes`, which a module overrides, and `.attributes.action`."""

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

    ACTION = r"""
options: {}
attributes:
  action:
    description: Has an action plugin of the same name, which runs on the control node.
    support: full
"""
