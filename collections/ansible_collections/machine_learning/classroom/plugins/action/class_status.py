"""Say how a class is: trouble first, then everybody; and write the same as a page."""

from __future__ import annotations

import os
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import cost_so_far, tariff
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import used
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes
from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.links import https_link
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import Seen, class_lines
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_page import status_page
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_table import laid_out
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.totals import class_totals, in_words
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import (
    find_troubles,
    in_lines,
)

if TYPE_CHECKING:
    from datetime import datetime

    from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.estimate import Cost

PAGE = "status.html"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.class_status`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "instances": {"type": "list", "elements": "dict", "required": True},
                "students": {"type": "list", "elements": "dict", "required": True},
                "accounts": {"type": "dict", "required": True, "no_log": True},
                "hosts": {"type": "dict", "default": {}},
                "addresses": {"type": "dict", "required": True},
                "former_addresses": {"type": "dict", "default": {}},
                "class_name": {"type": "str", "required": True},
                "state_dir": {"type": "path", "required": True},
                "home": {"type": "path", "required": True},
                "max_hours": {"type": "int", "required": True},
                "region": {"type": "str", "required": True},
                "price_per_hour": {"type": "float", "default": 0},
                "timetable": {"type": "dict", "default": {}},
                "sends_letters": {"type": "bool", "required": True},
                "write_page": {"type": "bool", "default": True},
            }
        )
        known, state_dir = task_vars or {}, given["state_dir"]
        spent = _spent(given)
        seen = Seen(
            machines={name: known["hostvars"][name].get("jupyter_answers", {}) for name in known["groups"]["machines"]},
            collected=_collected(given),
            costs=spent.by_student if spent else {},
            hosts=given["hosts"],
        )
        answering = {
            username: answers
            for said in seen.machines.values()
            for username, answers in said.get("answering", {}).items()
        }
        lines = class_lines(
            given["instances"],
            given["students"],
            answering,
            {
                username: {**account, "https_link": https_link(account, given["hosts"].get(username, ""))}
                for username, account in given["accounts"].items()
            },
            state_dir,
            given["max_hours"],
            read(given["timetable"]),
            seen,
        )
        troubles = find_troubles(lines, state_dir, sends_letters=given["sends_letters"])
        total = spent.usd if spent and given["write_page"] else None
        said = [in_lines(troubles), laid_out(lines), in_words(class_totals(lines, troubles, total))]
        page = ""
        # Where nothing is remembered of the class yet, a look at it does not begin to.
        if given["write_page"] and not self._task.check_mode and os.path.isdir(state_dir):
            page = os.path.join(state_dir, PAGE)
            try:
                write_bytes(page, status_page(given["class_name"], lines, troubles, seen.at, total).encode())
            except OSError as error:  # what it would say is on the screen
                result["warnings"] = [f"{page} cannot be written ({error.strerror}). It is as it was."]
                page = ""
            else:
                said[-1] += f"\nThe same as a page, for you alone: {page}"
        return result | {"changed": False, "msg": "\n\n".join(filter(None, said)), "page": page}


def _spent(given: dict[str, Any]) -> Cost | None:
    """Return what the class has cost, at the prices that other commands have asked for; None while one is not known."""
    try:
        usage = used(given["state_dir"])
    except OSError:  # the command that lists the machines has named it
        return None
    types = [name for name, _ in usage.machines]
    by_hand = Decimal(str(given["price_per_hour"])) or None
    cost = cost_so_far(usage, tariff(types, given["region"], given["state_dir"], by_hand=by_hand, ask=False))
    return cost if usage.machines and not cost.unknown else None


def _collected(given: dict[str, Any]) -> dict[str, datetime | None]:
    """Return, by username, when all work was last at home; who has a history that cannot be read is left out."""
    seated = [username for instance in given["instances"] for username in Machine.from_instance(instance).students]
    found = {}
    for username in dict.fromkeys([*seated, *(student["username"] for student in given["students"])]):
        owner = Owner(given["class_name"], given["addresses"].get(username, "").casefold())
        former = given["former_addresses"].get(username, [])
        with suppress(WorkError):
            found[username] = StudentHome(given["home"], username, owner, former).last_collected()
    return found
