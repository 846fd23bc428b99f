"""The lab's own channel to its background process, and that process's life."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import layout
from lab.shell import LabError
from lab.state import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

START_SECONDS = 30
STOP_SECONDS = 10
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
    try:
        pid = int(layout.SERVICE_PID.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    # The number may belong to something else by now.
    return pid if b"lab.service" in command else None


def start(mirror: Path) -> None:
    """Start the background process with the files in `mirror`, wait until it answers. Raises LabError if it ends."""
    with layout.SERVICE_LOG.open("a") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "lab.service", "--mirror", str(mirror)],
            cwd=layout.PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    write_private(layout.SERVICE_PID, f"{started.pid}\n")
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if started.poll() is not None:
            last = layout.SERVICE_LOG.read_text().strip().splitlines()[-1:]
            raise LabError(f"The lab's process ended at once: {''.join(last)}\nIts log: {layout.SERVICE_LOG}")
        with suppress(LabError):
            ask("GET", "status")
            return
        time.sleep(0.1)
    raise LabError(f"The lab's process does not answer after {START_SECONDS} s. Its log: {layout.SERVICE_LOG}")


def stop() -> bool:
    """End the background process, with force if need be; return whether there was one. The hosts live on."""
    pid = process()
    if pid is None:
        layout.SERVICE_PID.unlink(missing_ok=True)
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + STOP_SECONDS
        while process() is not None and time.monotonic() < end:
            with suppress(ChildProcessError):  # ours to reap when `up` started it just now
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.05)
        if process() is None:
            break
    layout.SERVICE_PID.unlink(missing_ok=True)
    return True
