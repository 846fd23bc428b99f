"""Hosts follow their instances, and instances their hosts, however one of them changed."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from lab.control import process
from lab.podman import try_podman
from tests.lab.command import lab
from tests.lab.machines import KEYS, SEAT, Machines, until


def test_stop_and_start_keep_the_disk_and_give_a_new_address(machines: Machines, machine: str) -> None:
    before = machines.get(machine)
    machines.say(machine, "echo work > work; sync")
    machines.ec2.stop_instances(InstanceIds=[machine])
    assert machines.get(machine)["State"]["Name"] in ("stopping", "stopped")
    machines.wait("stopped", machine)
    assert "PublicIpAddress" not in machines.get(machine)
    machines.ec2.start_instances(InstanceIds=[machine])
    machines.wait("running", machine)
    after = machines.get(machine)
    assert after["PublicIpAddress"] != before["PublicIpAddress"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    # Its keys are still those that it printed at its first boot; the console has only what came after.
    assert machines.say(machine, "cat work") == "work"
    assert not KEYS.search(machines.console(machine))


@pytest.mark.parametrize("how", ["guest", "api"])
def test_a_reboot_keeps_everything_but_the_processes(machines: Machines, machine: str, how: str) -> None:
    before = machines.get(machine)["PublicIpAddress"]
    machines.say(machine, f"echo {how} > rebooted; sudo touch /run/not-rebooted-yet")
    if how == "guest":
        machines.ssh(machine, "sudo systemctl reboot")
    else:
        machines.ec2.reboot_instances(InstanceIds=[machine])
    rebooted = "test ! -e /run/not-rebooted-yet"
    until("reboot", lambda: machines.ssh(machine, rebooted).returncode == 0)
    assert machines.say(machine, "cat rebooted") == how
    assert machines.get(machine)["PublicIpAddress"] == before
    assert machines.get(machine)["State"]["Name"] == "running"


@pytest.mark.parametrize(("behaviour", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_poweroff_inside_ends_the_instance(machines: Machines, behaviour: Any, state: str) -> None:
    (made,) = machines.launch(InstanceInitiatedShutdownBehavior=behaviour)
    machines.wait("running", made)
    machines.say(made, "true")
    machines.ssh(made, "sudo systemctl poweroff")
    machines.wait(state, made)
    assert machines.get(made)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert machines.get(made)["StateTransitionReason"] == "User initiated"  # AWS does not say when
    if state == "stopped":
        machines.ec2.start_instances(InstanceIds=[made])
        machines.say(made, "true")
        machines.terminate(made)


def test_a_killed_machine_stops_with_the_reason_and_starts_again(machines: Machines, machine: str) -> None:
    machines.say(machine, "echo work > work; sync")
    assert lab("kill", SEAT).returncode == 0
    machines.wait("stopped", machine)
    assert machines.get(machine)["StateReason"]["Code"] == "Server.InternalError"
    machines.ec2.start_instances(InstanceIds=[machine])
    machines.wait("running", machine)
    assert machines.say(machine, "cat work") == "work"


def test_hosts_outlive_a_killed_endpoint_which_finds_them_again(machines: Machines, machine: str) -> None:
    (stopped,) = machines.launch()
    machines.wait("running", stopped)
    machines.say(machine, "echo $PPID > /dev/null; sudo touch /run/same-boot")
    made = machines.launch(3)  # killed in the middle of this
    pid = process()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until("end of the process", lambda: process() is None)
    # While nobody looks, one host ends by itself.
    try_podman("exec", stopped, "systemctl", "poweroff")
    assert lab("status").returncode == 0
    start = lab("endpoint", "start")
    assert start.returncode == 0, start.stderr
    machines.wait("running", *made)
    machines.wait("stopped", stopped)
    assert machines.say(machine, "test -e /run/same-boot && echo same") == "same"
    for each in made:
        machines.say(each, "true")
    addresses = [machines.get(each)["PublicIpAddress"] for each in (machine, *made)]
    assert len(set(addresses)) == 4
    # The watch for hosts that end works again too.
    machines.ssh(made[0], "sudo systemctl poweroff")
    machines.wait("stopped", made[0])
    machines.terminate(stopped, *made)
