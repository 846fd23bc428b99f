"""Tell what a command is about to launch and start, what that costs, and refuse what is above the budget."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import cost_so_far, tariff
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import observe
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.class_plan import BudgetError, ClassPlan
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.durations import recorded
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.rest_of_term import rest_of_term, timetable_of

_RUNNING = ("pending", "running")


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.class_plan`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        names = {"type": "list", "elements": "str", "required": True}
        _, given = self.validate_argument_spec(
            {
                "class_name": {"type": "str", "required": True},
                "region": {"type": "str", "required": True},
                "state_dir": {"type": "path", "required": True},
                "usernames": names,
                "waiting": names,
                "left": names,
                "instances": {"type": "list", "elements": "dict", "required": True},
                "starting": names,
                "launch": {"type": "int", "required": True},
                "instance_types": names,
                "disk_gb": {"type": "int", "required": True},
                "max_hours": {"type": "int", "required": True},
                "price_per_hour": {"type": "str", "required": True},
                "budget": {"type": "str", "required": True},
                "checked": {"type": "dict", "required": True},
                "timetable": {"type": "raw", "default": {}},
                "in_full": {"type": "bool", "default": False},
            }
        )
        in_full = given.pop("in_full")
        if not (given["launch"] or given["starting"] or in_full):
            return result | {"changed": False, "text": ""}
        if not HAS_BOTO3:
            return result | {"failed": True, "msg": missing_package("boto3")}
        try:
            plan = _plan(**given, keep=not self._task.check_mode)
            plan.require_budget()
        except (BudgetError, _SettingError) as error:
            return result | {"failed": True, "msg": str(error)}
        except OSError as error:
            why = f"{error.filename}: what the class cost so far cannot be read ({error.strerror})."
            return result | {"failed": True, "msg": f"{why}\nNothing was launched. Mend that file, then run again."}
        warnings = plan.warnings()
        return result | {"changed": False, "text": plan.text() if in_full else plan.short(), "warnings": warnings}


class _SettingError(ValueError):
    """A setting is no amount."""


def _amount(name: str, value: str) -> Decimal:
    """Read an amount in USD; nothing is 0."""
    try:
        amount = Decimal(value.strip() or "0")
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise _SettingError(
            f"{name} is {value!r}, but an amount in USD is needed, such as 0.12.\n"
            f"Nothing was launched. Set {name} in group_vars/all/class.yml, then run again."
        )
    return amount


def _plan(
    *,
    state_dir: str,
    instances: list[dict[str, Any]],
    starting: list[str],
    price_per_hour: str,
    budget: str,
    timetable: Any,
    keep: bool,
    **given: Any,
) -> ClassPlan:
    """Look up what AWS takes and what was used, and make the plan."""
    by_hand, allowed = _amount("class_price_per_hour", price_per_hour), _amount("class_budget", budget)
    now, hours = datetime.now(UTC), timetable_of(timetable)
    usage = observe(
        state_dir,
        instances,
        disk_gb=given["disk_gb"],
        max_hours=given["max_hours"],
        timetable=hours,
        keep=False,
        at=now,
    )
    pools = given["checked"].get("capacity_pools", [])
    types = list(dict.fromkeys(pool["instance_type"] for pool in pools)) or given["instance_types"]
    used = [name for name, _ in usage.machines]
    standing = [each["instance_type"] for each in instances]
    wanted = [*(types[:1] if given["launch"] or not standing else []), *standing, *used]
    prices = tariff(wanted, given["region"], state_dir, by_hand=by_hand or None, keep=keep)
    spent = cost_so_far(usage, prices)
    return ClassPlan(
        **given | {"instance_types": types},
        standing=standing,
        running=[each["instance_type"] for each in instances if each["state"]["name"] in _RUNNING],
        starting=[each["instance_type"] for each in instances if each["instance_id"] in starting],
        tariff=prices,
        spent=spent,
        since=datetime.fromtimestamp(usage.since, UTC).date() if usage.machines or usage.disks else None,
        budget=allowed,
        term=rest_of_term(hours, now),
        durations=recorded(state_dir),
    )
