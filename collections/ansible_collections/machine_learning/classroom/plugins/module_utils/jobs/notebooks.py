"""Give the students of a machine the notebooks of the course."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import composed
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.delivery import Delivery
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.student_process import (
    explain_os_error,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import NotebooksError

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "source": {"type": "path", "required": True},
    "students": {"type": "list", "elements": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "store": {"type": "path", "default": "/var/lib/machine_learning_aws/delivered"},
    "owner": {"type": "str", "default": "root"},
    "again": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "path", "default": "/opt/conda/envs/conda_env/bin/python"},
    "templates": {"type": "dict"},
    "withheld": {"type": "list", "elements": "str", "default": []},
    # Not secret, but nothing that anybody wants to read in the system's log.
    "contents": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    delivery = Delivery(
        host,
        given["directory"],
        store=given["store"],
        owner=given["owner"],
        python=given["python"],
        withheld=given["withheld"],
    )
    templates, students, again = given["templates"] or {}, given["students"], list(map(composed, given["again"]))
    if unknown := [path for path in again if path not in templates]:
        host.fail(f"There is no {unknown[0]} among the templates, so it cannot come again.")
    outcomes, troubles = {}, []
    try:
        for content in given["contents"]:
            delivery.keep(zlib.decompress(base64.b64decode(content)))
        missing = delivery.missing(students, templates, again)
        if missing:
            host.need(f"{missing[0]} is not on this machine")
            return {"missing": missing, "kept": {}, "report": []}
    except NotebooksError as error:
        host.fail(str(error))
    for student in students:
        try:
            outcomes[student] = delivery.deliver(student, templates, again)
            if outcomes[student].report:  # it is to be said
                host.need(outcomes[student].report[0])
        except NotebooksError as error:  # one student's folder: the others get theirs
            troubles.append(str(error))
        except OSError as error:
            troubles.append(f"The folder of {student} cannot be opened: {explain_os_error(error)}")
    if troubles:
        host.fail("\n".join(troubles))
    diff = {"diff": [shown for outcome in outcomes.values() for shown in outcome.diffs]} if host.module._diff else {}
    return {
        "missing": [],
        "kept": {student: outcome.kept for student, outcome in outcomes.items() if outcome.kept},
        "report": [sentence for outcome in outcomes.values() for sentence in outcome.report],
        **diff,
    }
