"""Whom hosts reach and who reaches them."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from lab import layout
from tests.lab.command import lab
from tests.lab.machines import SEAT, Machines


def test_a_cut_machine_runs_but_answers_nobody_until_healed(machines: Machines, machine: str) -> None:
    machines.say(machine, "true")
    assert lab("cut", SEAT).returncode == 0
    assert machines.ssh(machine, "true").returncode == 255
    assert machines.get(machine)["State"]["Name"] == "running"
    assert lab("heal", SEAT).returncode == 0
    assert machines.ssh(machine, "true").returncode == 0
    nobody = lab("cut", "test-999")
    assert nobody.returncode == 1
    assert SEAT in nobody.stderr


def test_hosts_reach_the_mirror_and_nothing_else(machines: Machines, machine: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(layout.MIRROR_URL + "/")  # noqa: S310 - our own address
    said = machines.say(machine, f"curl -s -o /dev/null -w '%{{http_code}}' {layout.MIRROR_URL}/nothing")
    assert said == "404"
    assert machines.ssh(machine, "ping -c1 -W1 192.0.2.1").returncode != 0
    # The endpoint and the mail sink are this machine's alone.
    for port in (layout.ENDPOINT_PORT, layout.MAIL_PORT):
        refused = machines.ssh(machine, f"curl -s -m 2 http://{layout.GATEWAY}:{port}/")
        assert refused.returncode == 7
