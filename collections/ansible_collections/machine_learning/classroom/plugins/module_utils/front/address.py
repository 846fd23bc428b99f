"""Closes the gate at boot, if the machine no longer has the address for which links were given away.

A machine that was stopped comes back under another address, and its old one goes to a stranger. Browsers take their
cookies to an address, so the stranger may have the students'. What those opened, they open no more.
"""

from __future__ import annotations

import http.client
import os
import pwd
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import CLOSED
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import open_folder, open_root

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings

METADATA = "169.254.169.254"
PATIENCE = 30.0  # s
SECONDS_BETWEEN_QUESTIONS = 1.0
# Jupyter signs its cookies with what is in this file, and makes a new one where there is none.
COOKIE_FOLDER, COOKIE_SECRET = ".local/share/jupyter/runtime", "jupyter_cookie_secret"


def close_if_moved(settings: Settings, metadata: str = METADATA, patience: float = PATIENCE) -> str:
    """Let nobody in any more if an address of the front is not this machine's; return why, or "".

    A machine that learns no address within `patience` seconds counts as moved. Machines with names keep them.
    """
    if not settings.addresses:
        return ""
    address = public_address(metadata, patience)
    if settings.addresses == {address}:
        return ""
    for name, text in CLOSED.items():
        # Not renamed over the old one: its owner and mode are to stay, and haproxy does not run yet.
        (Path(settings.directory) / name).write_text(text, encoding="utf-8")
    for username in settings.hosts:
        forget_logins(username)
    return f"this machine's address is {address or 'not known'}, and no longer {', '.join(sorted(settings.addresses))}"


def public_address(metadata: str, patience: float) -> str:
    """Return the address under which the internet knows this machine, as EC2 says, or ""."""
    deadline = time.monotonic() + patience
    while True:
        with suppress(OSError, http.client.HTTPException):
            token = _ask(metadata, "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
            return _ask(metadata, "GET", "/latest/meta-data/public-ipv4", {"X-aws-ec2-metadata-token": token}).strip()
        if time.monotonic() > deadline:
            return ""
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def forget_logins(username: str) -> None:
    """Have the student's Jupyter know none of the cookies any more that it gave away, from its next start on."""
    with (
        suppress(OSError, KeyError),
        open_root(pwd.getpwnam(username).pw_dir, follow=False) as home,
        open_folder(home, COOKIE_FOLDER) as folder,
    ):
        os.unlink(COOKIE_SECRET, dir_fd=folder)


def _ask(metadata: str, method: str, path: str, headers: dict[str, str]) -> str:
    """Ask the metadata service; "" if it has no such thing. Raise OSError if it says neither, since it is busy."""
    connection = http.client.HTTPConnection(metadata, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        said = answer.read().decode()
        if answer.status not in {200, 404}:
            raise OSError(f"{metadata} answers {answer.status}")
        return said if answer.status == 200 else ""
    finally:
        connection.close()
