"""Select the students and machines that a command is about, and refuse whom it must not touch, in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import (
    VERBS,
    SelectionError,
    refuse_unknown_abandoned,
    select,
    select_from_roster,
    select_running,
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.student_selection`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a command."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "verb": {"type": "str", "required": True, "choices": [*VERBS, "mail", "restore"]},
                "student": {"type": "raw", "default": ""},
                "instances": {"type": "list", "elements": "dict", "default": []},
                "limit": {"type": "list", "elements": "str"},
                "known": {"type": "list", "elements": "str", "default": []},
                "roster": {"type": "list", "elements": "str", "default": []},
                "running": {"type": "list", "elements": "str", "default": []},
                "class_name": {"type": "str", "default": ""},
                "abandoned": {"type": "dict", "default": {}},
            }
        )
        verb, student = given["verb"], given["student"]
        try:
            if verb == "mail":
                selection = select_from_roster(student, given["roster"])
            elif verb == "restore":
                selection = select_running(
                    student, given["running"], given["class_name"], limited=given["limit"] is not None
                )
            else:
                selection = select(
                    verb,
                    student,
                    given["instances"],
                    limit=given["limit"],
                    known=given["known"],
                    roster=given["roster"],
                )
                rule = VERBS[verb]
                if rule.releases:
                    former = given["known"] if rule.knows_former else ()
                    refuse_unknown_abandoned(given["abandoned"], given["instances"], former)
        except SelectionError as error:
            return result | {"failed": True, "msg": str(error)}
        return result | {"changed": False, **asdict(selection)}
