"""From Ubuntu's ssh.socket to ssh.service, and nobody is locked out."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.support.class_machines import running
from tests.support.lab_course import Course

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MACHINES = 20
# So many get the role at once, since each is knocked at ten times a second.
WAVE = 5
LONGEST_GAP = 2.0  # s
# How people found their machines: an sshd that systemd knows nothing of holds the port, so ssh.socket failed. It turns
# nobody away, however often we knock.
STRAY = """
systemctl stop ssh.socket ssh.service
mkdir -p /run/sshd
setsid /usr/sbin/sshd -D -o MaxStartups=1000 < /dev/null > /dev/null 2>&1 &
sleep 0.5
systemctl daemon-reload
systemctl start ssh.socket 2> /dev/null || true
systemctl is-active ssh.socket || true
"""
HELD = """
main=$(systemctl show --property=MainPID --value ssh.service)
for port in 22 443; do ss -Hltnp "sport = :$port" | grep -c "pid=$main,"; done
systemctl is-enabled ssh.service ssh.socket || true
ls -d /run/sshd
"""
# Somebody has disabled the service; with the next reload, systemd forgets that it runs.
DISABLED = """
systemctl disable --quiet ssh.service
rm /etc/systemd/system/cron.service.d/*
systemctl is-active ssh.service
"""
BUSY = """
systemd-run --quiet --unit=busy python3 -m http.server 443
until ss -Hltn "sport = :443" | grep -q .; do sleep 0.1; done
"""


class Accounts(Course):
    """A class whose machines get no more than their accounts."""

    def accounts(self, *seats: str, check: bool = True) -> str:
        """Run the role student on these machines."""
        return self.play(f"molecule/shared/accounts.yml --limit {','.join(seats)}", check=check)


def answers(address: str, port: int) -> bool:
    """Say whether sshd answers there."""
    try:
        with socket.create_connection((address, port), timeout=3) as knocked:
            return knocked.recv(4) == b"SSH-"
    except OSError:
        return False


@contextlib.contextmanager
def knocking(addresses: list[str]) -> Iterator[dict[str, float]]:
    """Knock at port 22 of each every 100 ms; gives the longest time, in s, for which one was refused, at the end."""
    longest, over = dict.fromkeys(addresses, 0.0), threading.Event()

    def knock(address: str) -> None:
        last = time.monotonic()
        while not over.wait(0.1):
            with contextlib.suppress(OSError), socket.create_connection((address, 22), timeout=3):
                longest[address] = max(longest[address], time.monotonic() - last)
                last = time.monotonic()
        longest[address] = max(longest[address], time.monotonic() - last)

    with ThreadPoolExecutor(len(addresses)) as pool:
        for address in addresses:
            pool.submit(knock, address)
        try:
            yield longest
        finally:
            over.set()


@contextlib.contextmanager
def session(course: Course, seat: str, address: str) -> Iterator[subprocess.Popen[str]]:
    """Log in and stay."""
    options = [f"HostKeyAlias={seat}", f"UserKnownHostsFile={course.state}/known_hosts", "BatchMode=yes"]
    login = ["ssh", "-F", "none", "-i", str(course.state / "ssh_key"), *(f"-o{option}" for option in options)]
    command = [*login, f"ubuntu@{address}", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as opened:
        assert echoed(opened)
        yield opened
        opened.communicate(timeout=10)


def echoed(opened: subprocess.Popen[str]) -> bool:
    """Say whether the session is alive."""
    assert opened.stdin
    assert opened.stdout
    opened.stdin.write("there\n")
    opened.stdin.flush()
    return opened.stdout.readline() == "there\n"


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("_empty_lab")
def test_nobody_is_locked_out_on_the_way_from_the_socket_to_the_service(tmp_path: Path) -> None:
    course = Accounts(tmp_path, {"class_confirm_teardown": "ml101"})
    course.write_roster([f"s{number:02}" for number in range(MACHINES)])
    course.play("provision.yml")
    seats = running()
    assert len(seats) == MACHINES
    with ThreadPoolExecutor(WAVE) as pool:
        assert [said.split() for said in pool.map(lambda seat: course.on(seat, STRAY), seats)] == [
            ["failed"]
        ] * MACHINES
    gaps: dict[str, float] = {}
    for first in range(0, MACHINES, WAVE):
        wave = dict(list(seats.items())[first : first + WAVE])
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(session(course, seat, address)) for seat, address in wave.items()]
            with knocking(list(wave.values())) as longest:
                course.accounts(*wave)
            assert all(echoed(each) for each in opened)
        gaps |= longest
    print("longest gaps in s:", sorted(round(gap, 2) for gap in gaps.values()))
    for seat, address in seats.items():
        assert answers(address, 22)
        assert answers(address, 443)
        assert course.on(seat, HELD).split() == ["2", "2", "enabled", "disabled", "/run/sshd"]
    assert max(gaps.values()) <= LONGEST_GAP
    course.play("teardown.yml")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_empty_lab")
def test_where_a_port_is_taken_the_socket_listens_again_and_the_process_is_named(tmp_path: Path) -> None:
    course = Accounts(tmp_path, {"class_confirm_teardown": "ml101"})
    course.write_roster(["ada"])
    course.play("provision.yml")
    ((seat, address),) = running().items()
    course.on(seat, BUSY)
    said = course.accounts(seat, check=False)
    assert "0.0.0.0:443: python3, process" in said
    assert "run configure.yml again" in said
    assert answers(address, 22)
    assert course.on(seat, "systemctl is-active ssh.socket; ls /etc/ssh/sshd_config.d").split() == [
        "active",
        "50-cloud-init.conf",
        "60-cloudimg-settings.conf",
    ]
    course.on(seat, "systemctl stop busy")
    course.accounts(seat)
    assert course.on(seat, HELD).split() == ["2", "2", "enabled", "disabled", "/run/sshd"]
    course.on(seat, f"systemctl stop ssh.service\n{BUSY}systemctl start ssh.service")
    said = course.accounts(seat, check=False)
    assert "0.0.0.0:443: python3, process" in said
    assert answers(address, 22)
    course.on(seat, "systemctl stop busy")
    course.accounts(seat)
    assert answers(address, 443)
    assert course.on(seat, DISABLED).split() == ["active"]
    course.accounts(seat)
    assert answers(address, 22)
    assert course.on(seat, HELD).split() == ["2", "2", "enabled", "disabled", "/run/sshd"]
    course.play("teardown.yml")
