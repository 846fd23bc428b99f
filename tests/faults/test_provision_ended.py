"""provision.yml ended in the middle and run again, while the roster changes: nobody ever changes seat."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.account_owner import ec2
from tests.support.class_machines import machines
from tests.support.commands import command
from tests.support.lab_course import Course, Moment, tasks_of

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20261
SIX = ["ada", "blaise", "carl", "dora", "emmy", "fibo"]


@pytest.mark.usefixtures("_empty_lab")
@pytest.mark.timeout(3600)
def test_nobody_changes_seat_and_no_machine_is_launched_twice(tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, and no secret
    tasks = ended = classes = 0
    seconds = 0.0
    while ended < kills:
        classes += 1
        course = Course(tmp_path / str(classes), {"class_confirm_teardown": "ml101"})
        course.folder.mkdir()
        before = {each["InstanceId"] for each in machines()}
        seats: dict[str, str] = {}
        for roster in rosters(chance):
            course.write_roster(roster)
            if tasks:
                ended += course.end("provision.yml", Moment.draw(chance, tasks, seconds))
            started = time.monotonic()
            tasks = max(tasks, tasks_of(course.play("provision.yml")))
            seconds = seconds or time.monotonic() - started  # of the first, which nobody ended
            launched = [each for each in machines() if each["InstanceId"] not in before]
            check(launched, roster, seats)
            if ended >= kills:
                break
        assert "changed=0" in course.play("provision.yml")
        end_class(course, Moment.draw(chance, tasks, seconds))
    print(f"{ended} runs ended, {classes} classes of up to {tasks} tasks")


@pytest.mark.usefixtures("_empty_lab")
@pytest.mark.timeout(600)
def test_host_keys_that_nobody_read_before_the_machine_stopped_are_pinned_after_another_boot(tmp_path: Path) -> None:
    """A console shows the last boot alone, so what the first one printed is gone."""
    course = Course(tmp_path, {"class_confirm_teardown": "ml101"})
    course.write_roster(["ada"])
    before = {each["InstanceId"] for each in machines()}
    command(".venv/bin/python -m lab late --console 3600")
    try:
        with course.terminal("provision.yml") as run:
            run.expect_exact("Learn the machines' host keys from their consoles")
            os.kill(run.pid, signal.SIGKILL)
    finally:
        command(".venv/bin/python -m lab late")
    (launched,) = (each["InstanceId"] for each in machines() if each["InstanceId"] not in before)
    ec2().stop_instances(InstanceIds=[launched])
    ec2().get_waiter("instance_stopped").wait(InstanceIds=[launched], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert not (course.state / "known_hosts").exists()
    assert "No host key" not in course.play("provision.yml")
    assert (
        course.on("ml101-001", "cat /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        in (course.state / "known_hosts").read_text()
    )
    course.play("teardown.yml")


def end_class(course: Course, moment: Moment) -> None:
    """End teardown.yml in the middle, too; run again, it leaves nothing."""
    course.end("teardown.yml", moment)
    course.play("teardown.yml")
    assert {each["State"] for each in machines()} <= {"shutting-down", "terminated"}
    assert [each["KeyName"] for each in ec2().describe_key_pairs()["KeyPairs"]] == []
    assert [each["GroupName"] for each in ec2().describe_security_groups()["SecurityGroups"]] == ["default"]


def rosters(chance: random.Random) -> list[list[str]]:
    """Return what an instructor makes of a roster over a term: shuffled, grown, shrunk."""
    shuffled = chance.sample(SIX, 6)
    grown = chance.sample([*SIX, "grace"], 7)
    return [SIX, shuffled, grown, [name for name in grown if name not in chance.sample(SIX, 2)]]


def check(launched: list[dict[str, Any]], roster: list[str], seats: dict[str, str]) -> None:
    """One machine for each student that ever was, each with its seat; add the new ones to `seats`."""
    assert {each["State"] for each in launched} == {"running"}
    assert {each["Tags"].get("Class") for each in launched} == {"ml101"}
    now = {each["Tags"]["Students"]: each["InstanceId"] for each in launched}
    assert len(now) == len(launched), "two machines for one student, or a machine for nobody"
    assert set(now) == set(roster) | set(seats)
    assert {name: now[name] for name in seats} == seats
    seats |= now
    names = sorted(each["Tags"]["Name"] for each in launched)
    assert names == [f"ml101-{number:03d}" for number in range(1, len(launched) + 1)]
