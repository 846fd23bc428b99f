"""Run the module of this name on a machine; where that gives no answer, it fails in words."""

from __future__ import annotations

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import MachineJob


class ActionModule(MachineJob):
    """The action `machine_learning.classroom.front_certificate`."""
