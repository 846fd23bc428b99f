"""The log of API requests: one JSON object a line, for tests that count and for people who wonder."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.state import write_private

if TYPE_CHECKING:
    from pathlib import Path

ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"')


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
