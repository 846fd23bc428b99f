"""Find what each student's browser calls the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import NamesError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_hosts import (
    OrdersError,
    know_orders,
    student_hosts,
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.student_hosts`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        text = {"type": "str", "required": True}
        options = dict.fromkeys(("instance_id", "seat", "address", "students"), text)
        _, given = self.validate_argument_spec(
            {
                "machines": {"type": "list", "elements": "dict", "required": True, "options": options},
                "domain": text,
                "several": {"type": "bool", "required": True},
                "state_dir": {"type": "path", "required": True},
            }
        )
        machines = [
            Machine(each["instance_id"], "running", each["seat"], tuple(each["students"].split()), each["address"])
            for each in given["machines"]
        ]
        try:
            orders = know_orders(given["state_dir"]) if given["domain"] else []
            found = student_hosts(machines, given["domain"], orders, datetime.now(UTC), several=given["several"])
        except (NamesError, OrdersError) as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, "hosts": found.by_student, "said": found.said}
