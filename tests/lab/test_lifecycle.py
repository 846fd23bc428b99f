"""Up twice, one lab for each machine, and down without a trace. The last file: after it there is no lab."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab import image, layout
from lab.control import process
from tests.lab.command import lab
from tests.lab.machines import SEAT, Machines
from tests.support.traces import traces


def test_a_second_up_changes_nothing(machine: str, machines: Machines) -> None:
    before = process()
    up = lab("up")
    assert up.returncode == 0, up.stderr
    assert process() == before
    assert machines.get(machine)["State"]["Name"] == "running"


def test_a_second_lab_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "checkout"
    shutil.copytree(layout.PROJECT / "lab", other / "lab", ignore=shutil.ignore_patterns("state"))
    before = process()
    for command in (["up"], ["kill", SEAT], ["endpoint", "start"]):
        refused = lab(*command, cwd=other)
        assert refused.returncode == 1
        assert str(layout.PROJECT) in refused.stderr
        assert "lab-down" in refused.stderr
        assert len(refused.stderr.splitlines()) <= 5
    down = lab("down", cwd=other)
    assert down.returncode == 0
    assert process() == before


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_lab_in_another_cache_is_refused_in_words(
    command: str, machine: str, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = process()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    refused = lab(command)
    assert refused.returncode == 1
    assert "Run this again as it was run then" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 5
    assert process() == before
    assert machines.say(machine, "echo here") == "here"
    assert list(tmp_path.iterdir()) == []


def test_down_leaves_nothing(machines: Machines, machine: str, traces_before: dict[str, set[str]]) -> None:
    machines.ec2.create_image(InstanceId=machine, Name="still being made")
    down = lab("down")
    assert down.returncode == 0, down.stderr
    after = traces()
    for kind, before in traces_before.items():
        assert sorted(after[kind] - before) == [], kind
    # What is slow to make stays.
    assert image.exists(image.RELEASES[0].ami)
    again = lab("down")
    assert again.returncode == 0, again.stderr
