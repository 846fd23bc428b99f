"""`make first-day` against an AWS without hosts: it asks and changes nothing, and tells nothing of anybody."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.account_owner import REGION
from tests.support.desk import ACCESS_KEY
from tests.support.first_day_guide import file_of, rows, under
from tests.support.rooms import HERE
from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.desk import Desk
    from tests.support.rooms import Rooms


def look(desk: Desk) -> subprocess.CompletedProcess[str]:
    """Run it as `make first-day` does."""
    _, environment = desk.command("")
    return subprocess.run(
        [sys.executable, "-m", "tools.first_day"],
        cwd=PROJECT,
        env=environment | {"PYTHONPATH": "collections"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_a_class_is_looked_at_and_nothing_is_changed_or_given_away(desk: Desk, rooms: Rooms, tmp_path: Path) -> None:
    machines = [rooms.add("ada"), rooms.add("grace")]
    desk.aws.requests.clear()
    shown = look(desk)
    assert shown.returncode == 0, shown.stderr
    path = file_of(shown.stdout)
    text = path.read_text()
    path.unlink()
    assert text in shown.stdout

    assert "a user" in under(1, text)
    assert "64 vCPUs" in under(3, text)
    assert "default subnets in" in under(4, text)
    assert "ubuntu-noble-24.04" in under(5, text)
    assert "m6a.large hour 0.0864 $, m5.large hour 0.096 $, t3a.large hour 0.0752 $, IPv4 address hour" in under(
        7, text
    )
    assert "gp3 GB-month 0.08 $, snapshot GB-month 0.05 $" in under(7, text)
    assert "2 running t3a.large" in under(9, text)
    assert "machine 2: 1 keys on its console, 0 pinned, nothing to compare" in under(10, text)
    assert "machine 1: no answer" in under(11, text)
    assert "2 disks" in under(25, text)
    assert "2 of all these have the class's tags" in under(25, text)

    for secret in ("ada", "grace", "ml101", "123456789012", ACCESS_KEY, "127.77.", *machines):
        assert secret not in text.lower(), text
    assert {
        request.action for request in desk.aws.requests if not request.action.startswith(("Describe", "Get"))
    } == set()
    assert [
        path.name for path in tmp_path.iterdir() if path.name not in ("students.csv", "datasets.yml", ".ansible")
    ] == []


def test_what_the_policy_does_not_permit_is_told_and_the_rest_is_seen(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    desk.aws.refuse("DescribeSubnets", "UnauthorizedOperation", "You are not authorized to perform this operation.")
    shown = look(desk)
    assert shown.returncode == 0, shown.stderr
    file_of(shown.stdout).unlink()
    assert "not seen: AWS does not permit DescribeSubnets" in under(4, shown.stdout)
    assert "ubuntu-noble-24.04" in under(5, shown.stdout)


def test_what_the_guide_types_before_the_launch_is_answered(desk: Desk) -> None:
    _, environment = desk.command("")
    typed = rows()
    seen = {}
    for number in (1, 3, 4, 5):
        _, *words = shlex.split(typed[number].commands[0])
        run = subprocess.run(
            [sys.executable, "-m", "tests.support.aws_command", *words],
            cwd=PROJECT,
            env=environment | {"AWS_DEFAULT_REGION": REGION},
            capture_output=True,
            text=True,
            check=True,
        )
        seen[number] = json.loads(run.stdout)
    assert not seen[1]["Arn"].endswith(":root")
    assert seen[3] == 64
    assert len(seen[4]) == len(set(seen[4])) >= 2
    assert seen[5].startswith("ami-")
    shown = desk.play(f"{HERE} {typed[6].commands[0].removeprefix('ansible-playbook ')}")
    assert "2 machines of ml101 would be launched." in shown.text
