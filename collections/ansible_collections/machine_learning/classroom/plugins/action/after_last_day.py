"""Say what of a class still costs once its last day is over, with the price of a month."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import tariff
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import TimetableError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.after_last_day import after_last_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import Tariff


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.after_last_day`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "instances": {"type": "list", "elements": "dict", "required": True},
                "timetable": {"type": "raw", "required": True},
                "region": {"type": "str", "required": True},
                "state_dir": {"type": "path", "required": True},
                "disk_gb": {"type": "int", "required": True},
                "price_per_hour": {"type": "float", "default": 0},
            }
        )

        def tariff_of(types: Sequence[str]) -> Tariff:
            by_hand = Decimal(str(given["price_per_hour"])) or None
            keep = not self._task.check_mode
            return tariff(types, given["region"], given["state_dir"], by_hand=by_hand, ask=HAS_BOTO3, keep=keep)

        try:
            said = after_last_day(given["instances"], given["timetable"], given["disk_gb"], tariff_of)
        except TimetableError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, "msg": said}
