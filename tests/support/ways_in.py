"""The ways in for ssh, as somebody at a laptop finds them: which ports answer, and which the owner of AWS has shut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.account_owner import ec2
from tests.support.class_machines import machines
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

ASKPASS = PROJECT / "molecule/shared/askpass"
PAUSE = 0.1  # s, between two knocks
SECONDS = 3  # until a knock counts as unanswered


def answers(address: str, port: int) -> bool:
    """Say whether sshd answers there, by itself or through the front, which waits for the caller to begin."""
    try:
        with socket.create_connection((address, port), timeout=SECONDS) as knocked:
            knocked.sendall(b"SSH-2.0-knock\r\n")
            return knocked.recv(4) == b"SSH-"
    except OSError:
        return False


@dataclass
class Gap:
    """For how long nobody came in."""

    longest: float = 0.0  # s
    _since: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ends(self) -> None:
        """Somebody has come in."""
        with self._lock:
            now = time.monotonic()
            self.longest, self._since = max(self.longest, now - self._since), now


@contextlib.contextmanager
def watched(address: str, ports: Collection[int]) -> Iterator[Gap]:
    """Knock at each port all the time; yields the longest gap in which none answered, which is whole at the end."""
    gap, over = Gap(), threading.Event()

    def knock(port: int) -> None:
        while not over.wait(PAUSE):
            if answers(address, port):
                gap.ends()

    with ThreadPoolExecutor(len(ports)) as pool:
        knocking = [pool.submit(knock, port) for port in ports]
        try:
            yield gap
        finally:
            over.set()
    assert not [error for each in knocking if (error := each.exception())]
    gap.ends()


@contextlib.contextmanager
def shut(port: int, seat: str) -> Iterator[None]:
    """Take a port out of the security group of a machine, and put it back at the end."""
    group = _group(seat)
    found = ec2().describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    rules: Any = [rule for rule in found if rule.get("FromPort") == port]
    assert rules, f"port {port} of {group} is shut already"
    ec2().revoke_security_group_ingress(GroupId=group, IpPermissions=rules)
    try:
        yield
    finally:
        ec2().authorize_security_group_ingress(GroupId=group, IpPermissions=rules)


def _group(seat: str) -> str:
    (machine,) = (each for each in machines() if each["Tags"].get("Name") == seat and each["State"] != "terminated")
    group: str = machine["SecurityGroups"][0]["GroupId"]
    return group


def lets_in(login: str, seat: str, known_hosts: Path, *, key: Path | None = None, password: str = "") -> bool:
    """Say whether USERNAME@ADDRESS gets in with a key, or with a password."""
    options = ["IdentitiesOnly=yes", "NumberOfPasswordPrompts=1", f"HostKeyAlias={seat}"]
    options += [f"UserKnownHostsFile={known_hosts}", f"PubkeyAuthentication={'yes' if key else 'no'}"]
    done = subprocess.run(
        [
            "ssh",
            "-F",
            "none",
            *(f"-o{option}" for option in options),
            *(("-i", str(key)) if key else ()),
            login,
            "true",
        ],
        env=os.environ | {"SSH_ASKPASS": str(ASKPASS), "SSH_ASKPASS_REQUIRE": "force", "STUDENT_PASSWORD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0 or b"Permission denied" in done.stderr, done.stderr
    return done.returncode == 0
