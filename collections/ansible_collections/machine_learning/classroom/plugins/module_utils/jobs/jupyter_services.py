"""Run one Jupyter service per student."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.front.address import forget_logins
from ansible_collections.machine_learning.classroom.plugins.module_utils.jupyter import FORBIDDEN, answer, is_ready

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "ports": {"type": "dict", "required": True},
    "tokens": {"type": "dict", "required": True, "no_log": True},
    "units": {"type": "dict", "required": True},
    "files": {"type": "dict", "default": {}},
    "state_directory": {"type": "path", "required": True},
    "timeout": {"type": "int", "default": 120},
}

UNITS = "/etc/systemd/system"
SECONDS_BETWEEN_QUESTIONS = 0.5


def own_token(host: Host, username: str, token: str, state_directory: str) -> bool:
    """Keep the student's token where only the student reads it; returns whether it changed."""
    directory = f"{state_directory}/{username}"
    host.directory(directory, mode=0o755)
    return host.file(f"{directory}/token", token, mode=0o400, owner=username, secret=True)


def own_port(host: Host, username: str, port: int) -> bool:
    """Name the student's port to systemd; returns whether it changed."""
    directory = f"{UNITS}/jupyter-port@{username}.socket.d"
    host.directory(directory, mode=0o755)
    # Both addresses of `localhost`: a neighbour who held the other one would be sent this student's token.
    return host.file(
        f"{directory}/port.conf", f"[Socket]\nListenStream=127.0.0.1:{port}\nListenStream=[::1]:{port}\n", mode=0o644
    )


def wait(host: Host, ports: dict[str, int], tokens: dict[str, str], timeout: int) -> None:
    """Wait until every service answers as it should; fail with its own last words otherwise."""
    deadline = time.monotonic() + timeout
    waiting = list(ports)
    while waiting := [username for username in waiting if not is_ready(ports[username], tokens[username])]:
        if time.monotonic() > deadline:
            username, port = waiting[0], ports[waiting[0]]
            journal = host.probe(["journalctl", "--unit", f"jupyter@{username}", "--lines", "5", "--output", "cat"])
            host.fail(
                f"Jupyter of {username} does not answer on port {port} ({answer(port, tokens[username])}). "
                f"It says: {' / '.join(journal.stdout.strip().splitlines()) or 'nothing'}\n"
                f"Look at it with `journalctl -u jupyter@{username}` on the machine, then run configure.yml again.",
                silent=True,
            )
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def renew(host: Host, given: dict[str, Any], *, is_due: bool) -> None:
    """Lay units, files, ports and tokens, and restart what reads those that are new; all of it `is_due`, if so."""
    renewed = {name: host.file(f"{UNITS}/{name}", text, mode=0o644) or is_due for name, text in given["units"].items()}
    files = False
    for path, text in given["files"].items():
        if not host.check_mode:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        files = host.file(path, text, mode=0o644) or files
    if not host.check_mode:
        os.makedirs(given["state_directory"], mode=0o755, exist_ok=True)
    new_ports = {username: own_port(host, username, port) for username, port in given["ports"].items()}
    if (any(renewed.values()) or any(new_ports.values())) and not host.check_mode:
        host.ask(["systemctl", "daemon-reload"])
    for username, new_port in new_ports.items():
        token = given["tokens"][username]
        # A run that was killed may have kept the token and restarted nothing.
        new_token = own_token(host, username, token, given["state_directory"]) or (
            answer(given["ports"][username], token) == str(FORBIDDEN)
        )
        if new_token and not host.check_mode:
            forget_logins(username)  # a cookie of before would outlive the token that it was given for
        way = new_port or renewed["jupyter-port@.socket"] or renewed["jupyter-port@.service"]
        if way and not host.check_mode:  # a socket is not bound anew while its service runs
            host.probe(["systemctl", "stop", f"jupyter-port@{username}.service"])
        host.keep_running(f"jupyter-port@{username}.socket", restart=way)
        host.keep_running(f"jupyter@{username}.service", restart=files or renewed["jupyter@.service"] or new_token)


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    with host.renewing("jupyter") as is_due:
        renew(host, given, is_due=is_due)
    if not host.check_mode:
        wait(host, given["ports"], given["tokens"], given["timeout"])
    elif not host.changes:
        for username, port in given["ports"].items():
            if not is_ready(port, given["tokens"][username]):
                host.need(f"the Jupyter of {username} does not answer")
    return {}
