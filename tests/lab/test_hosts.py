"""How a host is removed: its disk first."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import hosts
from lab.podman import podman
from tests.lab.machines import Machines


def test_a_disk_is_empty_before_podman_deletes_it_and_lets_all_others_wait(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = machines.launch()
    machines.wait("running", made)
    disk = Path(podman("inspect", "--type=container", "--format", "{{.GraphDriver.Data.UpperDir}}", made))
    assert list(disk.iterdir()) != []
    left = []

    def watched(*arguments: str) -> str:
        if arguments[0] == "rm":
            left.append(disk.exists())
        return podman(*arguments)

    monkeypatch.setattr(hosts, "podman", watched)
    hosts.remove(made)
    assert left == [False]
    assert not disk.parent.exists()
    machines.terminate(made)
