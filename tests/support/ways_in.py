"""The ways in, as somebody at a laptop finds them: which let people in, and which the owner of AWS has shut."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.account_owner import ec2
from tests.support.class_machines import machines
from tests.support.visitor import Visitor
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

ASKPASS = PROJECT / "molecule/shared/askpass"
PAUSE = 0.1  # s, between two knocks
PAUSE_INSIDE = 3.0  # s, after somebody came in, or did not, until the next tries
SECONDS = 3  # until a knock counts as unanswered
CONNECT_SECONDS, LOGIN_SECONDS = 10, 20  # until a login counts as refused, there is no connection or no answer
ECHO_SECONDS = 30  # until a session counts as ended


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
    gap = Gap()
    with _tried([(partial(answers, address, port), gap) for port in ports], PAUSE):
        yield gap


@contextlib.contextmanager
def used(ways: Mapping[str, Callable[[], bool]]) -> Iterator[dict[str, Gap]]:
    """Have somebody come in by each of the ways again and again; yields the longest gap of each, whole at the end."""
    gaps = {way: Gap() for way in ways}
    with _tried([(get_in, gaps[way]) for way, get_in in ways.items()], PAUSE_INSIDE):
        yield gaps


@contextlib.contextmanager
def _tried(ways: Sequence[tuple[Callable[[], bool], Gap]], pause: float) -> Iterator[None]:
    """Try all ways at once and again and again; each that leads in ends its gap."""
    over = threading.Event()

    def go(get_in: Callable[[], bool], gap: Gap) -> None:
        while not over.wait(pause):
            if get_in():
                gap.ends()

    with ThreadPoolExecutor(len(ways)) as pool:
        trying = [pool.submit(go, *way) for way in ways]
        try:
            yield
        finally:
            over.set()
    assert not [error for each in trying if (error := each.exception())]
    for _, gap in ways:
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
    key_or_none = ("-i", str(key)) if key else ()
    argv = [*_ssh(seat, known_hosts, f"PubkeyAuthentication={'yes' if key else 'no'}"), *key_or_none, login, "true"]
    done = subprocess.run(
        argv, env=_knowing(password), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0 or b"Permission denied" in done.stderr, done.stderr
    return done.returncode == 0


@dataclass(frozen=True)
class Student:
    """Who has a password, and knows the machine's key already."""

    login: str
    seat: str
    password: str
    known_hosts: Path

    def gets_in(self, port: int) -> bool:
        """Say whether sshd lets the student in, where it may also be that nobody answers."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                self._argv(port, "true"),
                env=_knowing(self.password),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LOGIN_SECONDS,
                check=False,
            )
            return done.returncode == 0
        return False

    @contextlib.contextmanager
    def logged_in(self, port: int) -> Iterator[Session]:
        """Log in and stay until the end."""
        with subprocess.Popen(
            self._argv(port, "cat"),
            env=_knowing(self.password),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        ) as process:
            try:
                session = Session(process)
                assert session.lives(), f"{self.login} does not get in by port {port}"
                yield session
            finally:
                process.kill()

    def _argv(self, port: int, command: str) -> list[str]:
        options = ("PubkeyAuthentication=no", f"ConnectTimeout={CONNECT_SECONDS}")
        return [*_ssh(self.seat, self.known_hosts, *options), "-p", str(port), self.login, command]


@dataclass
class Session:
    """An ssh session that is open, with `cat` at its other end."""

    process: subprocess.Popen[bytes]
    said: int = 0

    def lives(self) -> bool:
        """Say whether what is typed comes back."""
        assert self.process.stdin
        assert self.process.stdout
        self.said += 1
        line, back, deadline = b"%d\n" % self.said, b"", time.monotonic() + ECHO_SECONDS
        try:
            os.write(self.process.stdin.fileno(), line)
            while back != line:
                rest = max(deadline - time.monotonic(), 0)
                if not select.select([self.process.stdout], [], [], rest)[0]:
                    return False
                if not (more := os.read(self.process.stdout.fileno(), len(line))):
                    return False
                back += more
        except BrokenPipeError:
            return False
        return True


def opens(link: str, authorities: Path) -> bool:
    """Say whether a letter's link leads to the student's files in a browser that has never been there."""
    address = urlsplit(link)
    visitor = Visitor(address.netloc, authorities)
    try:
        led = [visitor.ask(path).status for path in (address.path, "/login?next=%2Flab")]
        return led == [303, 302] and visitor.works()
    except (OSError, http.client.HTTPException):
        return False


def _ssh(seat: str, known_hosts: Path, *more: str) -> list[str]:
    """Return how ssh is called by who asks for a password once, and trusts the seat's key alone."""
    options = ["IdentitiesOnly=yes", "NumberOfPasswordPrompts=1", f"HostKeyAlias={seat}"]
    options += [f"UserKnownHostsFile={known_hosts}", *more]
    return ["ssh", "-F", "none", *(f"-o{option}" for option in options)]


def _knowing(password: str) -> dict[str, str]:
    """Return the environment in which ssh is told the password."""
    return os.environ | {"SSH_ASKPASS": str(ASKPASS), "SSH_ASKPASS_REQUIRE": "force", "STUDENT_PASSWORD": password}
