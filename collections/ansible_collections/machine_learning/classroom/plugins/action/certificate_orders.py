"""Remember which certificates the machines of a class have ordered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_hosts import OrdersError, note_orders


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.certificate_orders`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        text = {"type": "str", "required": True}
        options = {"instance_id": text, "name": text, "names": {"type": "list", "elements": "str", "required": True}}
        _, given = self.validate_argument_spec(
            {
                "machines": {"type": "list", "elements": "dict", "required": True, "options": options},
                "state_dir": {"type": "path", "required": True},
            }
        )
        try:
            keep = not self._task.check_mode
            noted = note_orders(given["state_dir"], given["machines"], datetime.now(UTC), keep=keep)
        except OrdersError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": bool(noted), "noted": noted}
