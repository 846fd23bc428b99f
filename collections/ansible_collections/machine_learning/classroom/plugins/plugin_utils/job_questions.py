"""What a job is asked with: the arguments of its task, and what an action of its own adds without a side effect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import (
    digests,
    read_templates,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class NeededError(Exception):
    """Why a job is needed, which is known before the machine is asked."""


def question(job: str, arguments: Mapping[str, Any], path_dwim: Callable[[str], str]) -> dict[str, Any]:
    """Return what `job` takes on the machine, given the arguments of its task.

    `path_dwim` is the loader's: it finds a file of this computer. Raise NeededError if the job is needed anyway.
    """
    fill = {"conda_environment": _conda, "notebooks": _notebooks, "work_restore": _restore}.get(job)
    return fill(arguments, path_dwim) if fill else dict(arguments)


def _conda(arguments: Mapping[str, Any], _: Callable[[str], str]) -> dict[str, Any]:
    lock_file = Path(str(arguments["lock_file"]))
    if not lock_file.is_file():
        raise NeededError(f"there is no {lock_file}")
    return {**arguments, "lock": lock_file.read_text()}


def _notebooks(arguments: Mapping[str, Any], path_dwim: Callable[[str], str]) -> dict[str, Any]:
    templates = read_templates(path_dwim(str(arguments["source"])))
    return {**arguments, "templates": digests(templates.contents), "withheld": templates.held}


def _restore(arguments: Mapping[str, Any], _: Callable[[str], str]) -> dict[str, Any]:
    """Ask only who has not got it yet: whether there is anything at home would be looked up for everybody."""
    if arguments.get("at"):
        raise NeededError("earlier work is asked for")
    students = []
    for username in arguments["students"]:
        owner = Owner(arguments["class_name"], str(arguments["addresses"].get(username, "")).casefold())
        formerly = (arguments.get("former_addresses") or {}).get(username, [])
        home = StudentHome(os.path.expanduser(arguments["home"]), username, owner, formerly)
        if home.history.owner() not in (None, owner):
            raise NeededError(f"the address of {username} has changed")
        home.history.versions()  # of a history that is damaged the role tells
        if os.path.lexists(home.incoming):
            raise NeededError(f"a run that was killed left something at home for {username}")
        elsewhere = home.goes_on_elsewhere(arguments.get("machine", ""))
        students.append({"username": username, "name": "restored", "elsewhere": elsewhere})
    return {"source": arguments["source"], "store": arguments["store"], "students": students}
