"""Take the front away again, and give its port back to sshd."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import front

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "sshd_config_file": {"type": "path", "required": True},
    "ssh_ports": {"type": "list", "elements": "int", "required": True},
}


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`; what was installed stays, and the certificates, but nothing of it runs."""
    laid = Path(front.DIRECTORY, front.LAID)
    if laid.exists():
        there = [unit for unit in laid.read_text().splitlines() if os.path.exists(f"{front.UNITS}/{unit}")]
        for unit in (unit for unit in there if "/" not in unit):
            host.run(["systemctl", "--quiet", "disable", "--now", unit], what=f"ended {unit}")
        if front.PORT in given["ssh_ports"]:
            ssh_service.take_back(host, given["sshd_config_file"], front.PORT, front.SERVICE)
        else:
            host.run(["systemctl", "--quiet", "disable", "--now", front.SERVICE], what=f"ended {front.SERVICE}")
        for unit in there:
            if host.change(f"removed {front.UNITS}/{unit}"):
                os.unlink(f"{front.UNITS}/{unit}")
        if not host.check_mode:
            host.ask(["systemctl", "daemon-reload"])
    if os.path.isdir(front.DIRECTORY) and host.change(f"removed {front.DIRECTORY}"):
        shutil.rmtree(front.DIRECTORY)
    return {}
