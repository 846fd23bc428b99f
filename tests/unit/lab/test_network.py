"""The links of hosts, cut and healed, and their way to the metadata service."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from lab import network
from lab.shell import LabError


@pytest.mark.parametrize(("seconds", "comes"), [(30, True), (0, False)])
def test_a_healed_link_is_waited_for(monkeypatch: pytest.MonkeyPatch, seconds: int, *, comes: bool) -> None:
    states = iter(["DOWN", "LOWERLAYERDOWN", "UP"] if comes else ["DOWN"] * 9)

    def run(*command: str) -> str:
        if "set" in command:
            return ""
        if command[0] == "nsenter":
            return json.dumps([{"link_index": 7, "operstate": next(states)}])
        return json.dumps([{"ifindex": 7, "ifname": "veth7", "operstate": "UP"}])

    monkeypatch.setattr(network, "run", run)
    monkeypatch.setattr(network, "LINK_SECONDS", seconds)
    if comes:
        network.set_link(1, up=True)
        assert next(states, None) is None
    else:
        with pytest.raises(LabError, match="veth7 did not come up"):
            network.set_link(1, up=True)


def test_a_host_without_a_way_to_the_metadata_service_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr="Cannot find device")
    monkeypatch.setattr(network, "attempt", lambda *_: failed)
    with pytest.raises(LabError, match="Cannot find device"):
        network.reach_metadata(os.getpid())
    ended = subprocess.Popen(["true"])
    ended.wait()
    network.reach_metadata(ended.pid)  # needs none any more
