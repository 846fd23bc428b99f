"""Have the names of a machine certified, now that they lead to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import NAMED
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.front_program import SETTINGS
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.front import certified

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "names": {"type": "list", "elements": "str", "required": True},
    "sshd_config_file": {"type": "path", "required": True},
    "ssh_closed_to": {"type": "str", "default": ""},
}


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`, which has a front."""
    settings = Settings.read(SETTINGS)
    text = json.dumps({"names": sorted(given["names"])}) + "\n"
    host.file(f"{settings.state_directory}/{NAMED}", text, mode=0o600)
    return certified(host, settings, given)
