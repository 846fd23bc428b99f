"""What Canonical's image does of its own accord, and a plain Debian does not."""

from __future__ import annotations

from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.usernames import RESERVED

from tests.lab.machines import Machines


def test_no_student_can_be_called_like_an_account_or_a_group(machines: Machines, machine: str) -> None:
    names = machines.say(machine, "getent passwd | cut -d: -f1; getent group | cut -d: -f1").splitlines()
    # Usernames are of letters and digits, so that others cannot be meant.
    assert {name for name in names if name.isalnum()} <= RESERVED
    assert {"tss", "lxd", "landscape", "netdev", "ec2-instance-connect"} <= set(names)
    assert machines.say(machine, "id -Gn").split() == ["ubuntu", "adm", "cdrom", "sudo", "dip", "lxd"]


def test_the_socket_follows_sshds_ports_and_the_service_wants_the_socket(machines: Machines, machine: str) -> None:
    def ports() -> list[str]:
        """Return the ports of IPv4 that the socket is to hold."""
        listens = machines.say(machine, "systemctl show --property=Listen --value ssh.socket").splitlines()
        assert len(listens) == 2 * len([line for line in listens if line.startswith("[::]:")])
        return [line.split()[0].rpartition(":")[2] for line in listens if not line.startswith("[")]

    assert "ssh.socket" in machines.say(machine, "systemctl show --property=Requires --value ssh.service").split()
    assert ports() == ["22"]
    drop_in = "/etc/ssh/sshd_config.d/10-test.conf"
    machines.say(machine, f"printf 'Port 22\\nPort 443\\n' | sudo tee {drop_in}; sudo systemctl daemon-reload")
    assert ports() == ["22", "443"]
    machines.say(machine, f"sudo rm {drop_in}; sudo systemctl daemon-reload")
    assert ports() == ["22"]


def test_upgrades_come_by_themselves_and_restart_what_they_like(machines: Machines, machine: str) -> None:
    timers = "apt-daily.timer apt-daily-upgrade.timer"
    assert machines.say(machine, f"systemctl is-active {timers}").split() == ["active", "active"]
    assert machines.say(machine, "sudo which unattended-upgrade needrestart").split() == [
        "/usr/bin/unattended-upgrade",
        "/usr/sbin/needrestart",
    ]
