"""Who holds sshd's ports, where it is not ssh.service alone, in words; `ss` and `systemctl` are stand-ins."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

OURS = 'LISTEN 0 128 0.0.0.0:{port} 0.0.0.0:* users:(("sshd",pid=321,fd=3))\n'
BOTH = 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=321,fd=4),("systemd",pid=1,fd=50))\n'
OLD = 'LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=99,fd=4))\n'
OTHERS = 'LISTEN 0 128 *:443 *:* users:(("nginx: master",pid=812,fd=6),("nginx: master",pid=812,fd=7))\n'


class Machine(Host):
    """A machine on which sshd shall hold 22 and 443."""

    def __init__(self, tools: Path) -> None:
        """Have the stand-ins in the folder `tools`."""
        self.check_mode, self.changes, self.needs, self.tools = False, [], [], tools

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Run a script, with the stand-ins; every other command succeeds, and ssh.socket is off."""
        assert stdin is None
        if argv[0] == "sshd":
            return subprocess.CompletedProcess(
                argv, 0, "port 22\nlistenaddress 0.0.0.0:22\nlistenaddress 0.0.0.0:443\n", ""
            )
        if argv[0] == "systemd-run":  # the service starts anew; its script would end real processes
            found = self.probe(
                ["sh", "-c", f'{ssh_service._AMISS}amiss "$@"', "sh", *argv[argv.index("") + 1 :]]
            ).stdout
            return subprocess.CompletedProcess(argv, int(bool(found)), found, "")
        if argv[0] != "sh":
            return subprocess.CompletedProcess(argv, 1 if argv[-1] == "ssh.socket" else 0, "", "")
        environment = {"PATH": f"{self.tools}:{os.environ['PATH']}"}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)

    def fail(self, message: str, **_: object) -> NoReturn:
        """Raise what would end the module."""
        raise RuntimeError(message)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Machine]:
    """Return what makes a machine, given what `ss` says of each port."""

    def made(**said: str) -> Machine:
        (tmp_path / "listening").write_text("".join(said.values()))
        for name, line in (("systemctl", "echo 321"), ("ss", f'cat "{tmp_path}/listening"')):
            (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
            (tmp_path / name).chmod(0o755)
        return Machine(tmp_path)

    return made


@pytest.mark.parametrize(
    ("port_22", "port_443", "named"),
    [
        (OURS.format(port=22), OTHERS, "(0.0.0.0:443: nginx: master, process 812"),
        (BOTH, OURS.format(port=443), "(0.0.0.0:22: systemd, process 1"),
        (BOTH + OLD, OURS.format(port=443), "(0.0.0.0:22: systemd, process 1, sshd, process 99"),
        (OURS.format(port=22), "", "(0.0.0.0:443: nobody"),
        # As after another process has gone: the port is held, but not for IPv4.
        (OURS.format(port=22), 'LISTEN 0 128 [::]:443 [::]:* users:(("sshd",pid=321,fd=4))\n', "(0.0.0.0:443: nobody"),
    ],
)
def test_who_holds_a_port_beside_the_service_is_named(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch, port_22: str, port_443: str, named: str
) -> None:
    monkeypatch.setattr(os, "makedirs", lambda *_, **__: None)
    with pytest.raises(RuntimeError) as failed:
        ssh_service.listen(machine(port_22=port_22, port_443=port_443), "drop-in", changed=False, units=False)
    assert named in str(failed.value)
    assert "run configure.yml again" in str(failed.value)


def test_check_mode_looks_who_holds_the_ports_and_makes_nothing(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ssh_service, "RUNTIME_DIRECTORY", str(tmp_path / "sshd"))
    taken = machine(port_22=OURS.format(port=22), port_443=OTHERS)
    taken.check_mode = True
    ssh_service.listen(taken, "drop-in", changed=False, units=False)
    assert taken.needs == [f"{tmp_path}/sshd is missing"]
    assert not (tmp_path / "sshd").exists()
    (tmp_path / "sshd").mkdir()
    ssh_service.listen(taken, "drop-in", changed=False, units=False)
    assert taken.changes == ["restarted ssh.service"]


@pytest.mark.parametrize(
    ("tool", "named"), [("ss", "0.0.0.0:22: nobody, 0.0.0.0:443: nobody"), ("awk", "awk does not run")]
)
def test_what_cannot_be_found_out_counts_as_amiss(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tool: str, named: str
) -> None:
    monkeypatch.setattr(os, "makedirs", lambda *_, **__: None)
    fine = machine(port_22=OURS.format(port=22), port_443=OURS.format(port=443))
    (tmp_path / tool).write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / tool).chmod(0o755)
    with pytest.raises(RuntimeError) as failed:
        ssh_service.listen(fine, "drop-in", changed=False, units=False)
    assert f"({named}" in str(failed.value)


class HandingOver(Machine):
    """A machine that hands a port over for real, but for systemd and for what makes sshd start anew."""

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Run the script with the stand-ins."""
        if argv[0] != "systemd-run":
            return super().probe(argv, stdin=stdin)
        script, name, _, *rest = argv[len(ssh_service._DETACHED) :]
        again = f'echo "sshd: $*" >> {self.tools}/log'
        environment = {"PATH": f"{self.tools}:{os.environ['PATH']}"}
        words = ["sh", "-c", script, name, again, *rest]
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def handing_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], HandingOver]:
    """Return what makes a machine whose new unit comes to hold the port, or does not."""
    monkeypatch.setattr(os, "makedirs", lambda *_, **__: None)

    def made(held: bool) -> HandingOver:
        holder = f"echo pid={os.getpid()}" if held else ":"
        systemctl = f'[ "$1" != show ] && echo "$*" >> {tmp_path}/log || echo /'
        for name, line in (("ss", holder), ("systemctl", systemctl), ("sleep", ":")):
            (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
            (tmp_path / name).chmod(0o755)
        (tmp_path / "drop-in").write_text(TOLD)
        return HandingOver(tmp_path)

    return made


TOLD = "Port 22\nPort 443\nPort 4433\nPasswordAuthentication no\n"


def test_a_port_is_handed_over_in_one_go(tmp_path: Path, handing_over: Callable[[bool], HandingOver]) -> None:
    machine = handing_over(True)
    assert ssh_service.hand_over(machine, str(tmp_path / "drop-in"), 443, "haproxy.service")
    assert (tmp_path / "drop-in").read_text() == TOLD.replace("Port 443\n", "")
    assert (tmp_path / "log").read_text().splitlines() == [
        "--quiet enable haproxy.service",
        "sshd:  0.0.0.0:22",
        "restart haproxy.service",
    ]
    assert machine.changes == ["handed port 443 of sshd over to haproxy.service"]
    assert not list(tmp_path.glob("drop-in.*"))
    assert not ssh_service.hand_over(machine, str(tmp_path / "drop-in"), 443, "haproxy.service")


def test_a_port_that_its_new_owner_does_not_hold_is_sshds_again(
    tmp_path: Path, handing_over: Callable[[bool], HandingOver]
) -> None:
    with pytest.raises(RuntimeError, match="sshd holds it as before"):
        ssh_service.hand_over(handing_over(False), str(tmp_path / "drop-in"), 443, "haproxy.service")
    assert (tmp_path / "drop-in").read_text() == TOLD
    acts = (tmp_path / "log").read_text().splitlines()
    assert acts[-2:] == ["--quiet disable --now haproxy.service", "sshd:  0.0.0.0:22 0.0.0.0:443"]
    assert not list(tmp_path.glob("drop-in.*"))


def test_check_mode_only_says_that_a_port_would_be_handed_over(
    tmp_path: Path, handing_over: Callable[[bool], HandingOver]
) -> None:
    machine = handing_over(True)
    machine.check_mode = True
    assert ssh_service.hand_over(machine, str(tmp_path / "drop-in"), 443, "haproxy.service")
    assert (tmp_path / "drop-in").read_text() == TOLD
    assert machine.changes == ["handed port 443 of sshd over to haproxy.service"]


@pytest.mark.parametrize(
    ("told", "then", "held"),
    [
        (TOLD.replace("Port 443\n", ""), TOLD, "0.0.0.0:22 0.0.0.0:443"),
        ("# It had no other.\n", "Port 443\n# It had no other.\n", "0.0.0.0:443"),
    ],
)
def test_a_port_is_taken_back(
    tmp_path: Path, handing_over: Callable[[bool], HandingOver], told: str, then: str, held: str
) -> None:
    class WithOne(HandingOver):
        def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
            if argv[0] == "sshd":
                return subprocess.CompletedProcess(argv, 0, "port 22\nlistenaddress 0.0.0.0:22\n", "")
            return super().probe(argv, stdin=stdin)

    machine = WithOne(handing_over(False).tools)
    (tmp_path / "drop-in").write_text(told)
    ssh_service.take_back(machine, str(tmp_path / "drop-in"), 443, "haproxy.service")
    assert (tmp_path / "drop-in").read_text() == then
    acts = (tmp_path / "log").read_text().splitlines()
    assert acts == ["--quiet disable --now haproxy.service", f"sshd:  {held}"]
    assert machine.changes == ["gave port 443 of haproxy.service back to sshd"]


class Systemd(Machine):
    """A machine whose systemd runs what it is told to, with stand-ins."""

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Run the script of systemd-run."""
        assert argv[0] == "systemd-run"
        return super().probe(argv[argv.index("sh") :], stdin=stdin)


def test_a_group_is_refused_from_the_next_login_on_and_once(tmp_path: Path) -> None:
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/told"\n')
    (tmp_path / "systemctl").chmod(0o755)
    config, before = tmp_path / "class.conf", "Port 22\n\nMatch Group students\n    X11Forwarding no\n"
    config.write_text(before)
    host = Systemd(tmp_path)
    host.check_mode = True
    ssh_service.refuse(host, str(config), "students")
    assert (config.read_text(), host.changes) == (before, ["closed ssh to the group students"])
    for host in (Systemd(tmp_path), Systemd(tmp_path)):
        ssh_service.refuse(host, str(config), "students")
    assert host.changes == []
    assert config.read_text() == before.replace("\n\nMatch", "\nDenyGroups students\n\nMatch")
    assert (tmp_path / "told").read_text() == "reload ssh.service\n"
