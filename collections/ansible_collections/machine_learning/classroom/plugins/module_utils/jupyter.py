"""Ask a Jupyter server on this machine whether it answers, and only to its token; and when it was last at work.

What answers is the student's own program, so no answer is believed to be short, soon, or what it should be. And no
question counts as activity, which is what `no_track_activity` is for: who is asked often would never be idle.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 5
MOST_BYTES = 1 << 20
OK, FORBIDDEN = 200, 403
AT_WORK = ("kernels", "terminals")
"""What of Jupyter's API says when it was last at work. A Jupyter without terminals answers 404 to the second."""


@contextmanager
def _asked(port: int, token: str, what: str) -> Iterator[http.client.HTTPResponse]:
    """Ask for /api/`what` with `token` ("" = without one). Raise OSError or HTTPException if there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.connect()
    # The timeout begins anew with every byte, and whoever is asked may send them one by one.
    end = threading.Timer(SECONDS, _cut, [connection.sock])
    end.daemon = True
    end.start()
    try:
        headers = {"Authorization": f"token {token}"} if token else {}
        connection.request("GET", f"/api/{what}?no_track_activity=1", headers=headers)
        with connection.getresponse() as response:
            yield response
    finally:
        end.cancel()
        connection.close()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def answer(port: int, token: str) -> str:
    """Ask `/api/contents` on 127.0.0.1:`port` with `token` ("" = without one); returns the status or what went wrong.

    `/lab` is no use here: without a token it answers 302 to a login page that is 200.
    """
    try:
        with _asked(port, token, "contents") as response:
            return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


def is_ready(port: int, token: str) -> bool:
    """Say whether the server lets `token` in and nobody without one."""
    return answer(port, token) == str(OK) and answer(port, "") == str(FORBIDDEN)


def idle_seconds(port: int, token: str) -> int | None:
    """Return how long no kernel and no terminal was at work, 0 if one is now; None if nobody can say."""
    idle = [seconds for what in AT_WORK for each in _listed(port, token, what) if (seconds := _idle(each)) is not None]
    return min(idle, default=None)


def _listed(port: int, token: str, what: str) -> list[Any]:
    try:
        with _asked(port, token, what) as response:
            listed = json.loads(response.read(MOST_BYTES)) if response.status == OK else []
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return []
    return listed if isinstance(listed, list) else []


def _idle(each: Any) -> int | None:
    """Return the seconds since the kernel or terminal `each` was at work; a time to come is none."""
    if not isinstance(each, dict):
        return None
    if each.get("execution_state") == "busy":
        return 0
    try:
        return max(0, int(time.time() - datetime.fromisoformat(each["last_activity"]).timestamp()))
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
