"""The lab's own channel to its background process, and that process's life."""

from __future__ import annotations

import http.client
import json
import sys
from typing import TYPE_CHECKING, Any

from lab import layout
from lab.background import Background
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ANSWER_SECONDS = 120  # podman may be at work on other hosts


def ask(method: str, what: str, values: Mapping[str, Any] | None = None) -> Any:
    """Ask the endpoint, return its answer. Raises LabError when it refuses or does not answer."""
    # Loopback, always: no proxy of this machine's has a say.
    connection = http.client.HTTPConnection("127.0.0.1", layout.ENDPOINT_PORT, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, f"/lab/{what}", body=json.dumps(values or {}))
        response = connection.getresponse()
        text = response.read().decode()
    except TimeoutError as error:
        raise LabError(
            f"The lab's endpoint did not answer within {ANSWER_SECONDS} s. What it is at work on: {layout.SERVICE_LOG}"
        ) from error
    except OSError as error:
        raise LabError(
            f"The lab's endpoint does not answer at {layout.ENDPOINT_URL} ({error}).\n"
            "Start it:  python -m lab endpoint start   (or the whole lab:  make lab)"
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise LabError(text)
    return json.loads(text)


def process() -> int | None:
    """Return the id of the lab's background process on this machine, if it runs."""
    return _service().pid


def start(mirror: Path) -> None:
    """Start the background process with the files in `mirror`, wait until it answers. Raises LabError if it ends."""
    command = [sys.executable, "-m", "lab.service", "--mirror", str(mirror)]
    _service().start(command, lambda: ask("GET", "status"))


def stop() -> bool:
    """End the background process, with force if need be; return whether there was one. The hosts live on."""
    return _service().stop()


def _service() -> Background:
    return Background("process", "lab.service", layout.SERVICE_PID, layout.SERVICE_LOG)
