"""Say how many certificates a class with names is about to order, before anything is launched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import SeatError
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import NamesError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_hosts import (
    OrdersError,
    foreseen,
    know_orders,
    student_hosts,
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.certificate_plan`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        text = {"type": "str", "required": True}
        _, given = self.validate_argument_spec(
            {
                "class_name": text,
                "domain": text,
                "usernames": {"type": "list", "elements": "str", "required": True},
                "instances": {"type": "list", "elements": "dict", "required": True},
                "students_per_machine": {"type": "int", "required": True},
                "state_dir": {"type": "path", "required": True},
            }
        )
        several = given["students_per_machine"] > 1
        try:
            machines = foreseen(
                given["usernames"],
                given["instances"],
                class_name=given["class_name"],
                students_per_machine=given["students_per_machine"],
            )
            orders = know_orders(given["state_dir"])
            found = student_hosts(machines, given["domain"], orders, datetime.now(UTC), several=several)
        except (NamesError, OrdersError, SeatError) as error:
            return result | {"failed": True, "msg": f"{error}\nNothing was launched."}
        if found.nameless:
            return result | {"changed": False, "said": "", "warnings": [found.said]}
        return result | {"changed": False, "said": found.said}
