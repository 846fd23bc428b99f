"""Plan which machines may stop, be replaced or end, from what came home from each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import brought_home, plan_release


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.release_plan`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "instances": {"type": "list", "elements": "dict", "required": True},
                "selected": {"type": "list", "elements": "dict"},
                "at_rest": {"type": "dict", "default": {}},
                "leaving": {"type": "list", "elements": "str"},
                "abandon": {"type": "list", "elements": "str", "default": []},
                "snapshot": {"type": "list", "elements": "str", "default": []},
                "starting": {"type": "list", "elements": "str", "default": []},
                "not_started": {"type": "dict", "default": {}},
                "all_or_none": {"type": "bool", "default": False},
            }
        )
        known = task_vars or {}
        machines = (known["hostvars"][name] for name in known["groups"]["machines"])
        collected = brought_home(machines)
        plan = plan_release(
            given["instances"],
            collected,
            at_rest=given["at_rest"],
            selected=given["selected"],
            leaving=given["leaving"],
            abandon=given["abandon"],
            snapshot=given["snapshot"],
            starting=given["starting"],
            not_started=given["not_started"],
            check_mode=bool(self._task.check_mode),
        )
        if plan.retained and given["all_or_none"]:
            stays = "\n".join(filter(None, [*plan.retained, plan.next_steps]))
            return result | {
                "failed": True,
                "msg": f"Nothing was exchanged, for there is work that is not at home:\n{stays}",
            }
        launch_times = {each["instance_id"]: each["launch_time"] for each in given["instances"]}
        return result | {"changed": False, **asdict(plan), "collected": collected, "launch_times": launch_times}
