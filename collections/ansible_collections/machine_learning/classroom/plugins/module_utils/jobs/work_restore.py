"""Lay students' work that came from home into their folders: the machine's side of `work_restore`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.restorer import (
    RestoreError,
    StudentFolder,
)

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "source": {"type": "path", "required": True},
    "store": {"type": "path", "required": True},
    "beside": {"type": "bool", "default": False},
    "students": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "username": {"type": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "elsewhere": {"type": "bool", "default": False},
            "manifest": {"type": "str", "default": "", "no_log": False},
            "pack": {"type": "path", "default": ""},
        },
    },
}


def answer(host: Host, folder: StudentFolder, student: dict[str, Any], *, beside: bool) -> dict[str, Any]:
    """Ask or lay for one student; whatever goes wrong concerns this one only."""
    told = {"username": student["username"], "wants": False, "where": "", "reason": ""}
    if not folder.is_tidy():
        host.need(f"a run that was killed left something for {folder.username}")
    if not host.check_mode:
        folder.tidy()
    if beside:
        wants = not folder.has(student["name"])
    else:
        wants = student["elsewhere"] or not folder.settled()
        if student["elsewhere"] and not host.check_mode:
            folder.forget()
        if wants:
            host.need(f"{folder.username} has not got yet what may be at home")
        if wants and not student["name"] and not host.check_mode:
            folder.settle()
    if not wants or not student["name"]:
        return told
    if not student["manifest"] or host.check_mode:
        return told | {"wants": True}
    try:
        manifest = Manifest.unpacked(student["manifest"])
        where = folder.lay(manifest, student["pack"], student["name"], beside=beside)
        if not beside:
            folder.settle()
    except (RestoreError, ValueError) as error:
        return told | {"reason": str(error)}
    host.change(f"laid the work of {folder.username} into {where}")
    return told | {"where": where}


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    folders = [StudentFolder(given["source"], student["username"], given["store"]) for student in given["students"]]
    answers = [
        answer(host, folder, student, beside=given["beside"])
        for folder, student in zip(folders, given["students"], strict=True)
    ]
    disk = os.statvfs(given["source"]) if os.path.isdir(given["source"]) else None
    free = disk.f_bavail * disk.f_frsize if disk else 0
    return {"students": answers, "free": free}
