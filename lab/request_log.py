"""The log of API requests: one JSON object a line, for tests that count and for people who wonder."""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.state import write_private

if TYPE_CHECKING:
    from pathlib import Path

READING = re.compile(r"Describe|Get|List|Lookup|Search")
ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"')


def action_of(target: str, path: str, body: bytes) -> str:
    """Return the API action of a request: from its form (EC2, STS), its target header (SSM and others) or its path."""
    if target:
        return target.rsplit(".", 1)[-1]
    form = urllib.parse.parse_qs(body.decode(errors="replace")) if b"Action=" in body else {}
    return form.get("Action", [path])[0]


def reads_only(action: str) -> bool:
    """Say whether `action` leaves everything as it is."""
    return bool(READING.match(action))


def error_code(body: bytes) -> str:
    """Return the error code in an answer of any AWS protocol, or nothing."""
    match = ERROR_CODE.search(body)
    return (match[1] or match[2]).decode(errors="replace") if match else ""


class RequestLog:
    """Appends to the file `path`."""

    def __init__(self, path: Path) -> None:
        """Open the log; what earlier runs of the endpoint wrote stays."""
        if not path.exists():
            write_private(path, "")
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def add(self, action: str, status: int, seconds: float, code: str) -> None:
        """Write one request: its action, HTTP status, duration in milliseconds and, if it failed, the error's code."""
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": action,
            "status": status,
            "ms": round(1000 * seconds, 1),
        }
        if code:
            entry["code"] = code
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
