"""How a machine's front is: its certificate, whether it lets anybody in, and when who last came by a link."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import read_status
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.front_program import SETTINGS
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import HOSTS
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings

# haproxy logs as a notice who opens a link, and all else as less, so the journal finds these by its index, however much
# there is between them. A student's own words in the journal are of another unit.
OPENED = ("_SYSTEMD_UNIT=haproxy.service", "PRIORITY=5")
NEWEST = 1000
"""So many are looked at: those of weeks, also where many share a machine."""
TIME_LIMIT = 10  # s
_BY_A_LINK = re.compile(r"\S+ (\S+) GET 303 ")


def front_report(settings_file: str = SETTINGS) -> dict[str, Any]:
    """Return how the front is, as M(jupyter_services_info) returns it.

    Nothing of a machine that has none, or that is to let nobody in by a link, as a spare.
    """
    try:
        settings = Settings.read(settings_file)
        is_open = bool((Path(settings.directory) / HOSTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not settings.hosts:
        return {}
    status, hosts = read_status(settings), sorted(settings.hosts.values())
    known = status.hosts == hosts  # one for other hosts says nothing of these
    return {
        "open": is_open,
        "certificate_until": status.until if known else "",
        "certificate_trouble": status.trouble if known else "",
        "certificate_since": status.since if known else "",
        "certificate_again": status.again if known else "",
    }


def opened_seconds() -> dict[str, int]:
    """Return how many seconds ago who last came in by the link of a letter, by username, as far as the journal reaches.

    Reading it opens nothing, so nobody seems to have come who only was looked at.
    """
    command = ["journalctl", "--quiet", "--reverse", f"--lines={NEWEST}", "--output=json", "--output-fields=MESSAGE"]
    try:
        asked = subprocess.run(
            [*command, *OPENED], capture_output=True, text=True, errors="replace", check=False, timeout=TIME_LIMIT
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    ago: dict[str, int] = {}
    for line in asked.stdout.splitlines():
        entry = json.loads(line)
        if found := _BY_A_LINK.match(str(entry.get("MESSAGE"))):
            ago.setdefault(found[1], max(0, int(time.time() - int(entry["__REALTIME_TIMESTAMP"]) / 1_000_000)))
    return ago
