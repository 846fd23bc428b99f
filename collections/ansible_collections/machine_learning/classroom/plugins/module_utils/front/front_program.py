"""The front's program, which its units run on a machine without Ansible."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.front.address import close_if_moved
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import bring
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import HOSTS
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.program import packed

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS = "/etc/machine_learning_aws/front/settings.json"


def main(arguments: Sequence[str], settings_file: str = SETTINGS) -> int:
    """Do what the one word says, `address` at boot, `certificate` at every hour; return what systemd gets."""
    settings = Settings.read(settings_file)
    if arguments[0] == "address":
        if said := close_if_moved(settings):
            print(f"The front lets nobody in: {said}. configure.yml opens it, with new links.")
        return 0
    if not (Path(settings.directory) / HOSTS).read_text(encoding="utf-8"):
        print("The front is closed, so no certificate is due.")
        return 0
    sys.path.insert(0, settings.certbot)  # in front of older packages that the system may have
    status = bring(settings)
    print(status.trouble or f"The certificate is valid until {status.until}.")
    return 1 if status.trouble else 0


def program() -> bytes:
    """Return this module, with those that it needs, as one file that Python runs: the same bytes every time."""
    return packed(__name__)
