"""Ask a Jupyter server on this machine whether it answers, and only to its token."""

from __future__ import annotations

import http.client

SECONDS = 5
OK, FORBIDDEN = 200, 403


def answer(port: int, token: str) -> str:
    """Ask `/api/contents` on 127.0.0.1:`port` with `token` ("" = without one); returns the status or what went wrong.

    `/lab` is no use here: without a token it answers 302 to a login page that is 200.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/api/contents", headers={"Authorization": f"token {token}"} if token else {})
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def is_ready(port: int, token: str) -> bool:
    """Say whether the server lets `token` in and nobody without one."""
    return answer(port, token) == str(OK) and answer(port, "") == str(FORBIDDEN)
