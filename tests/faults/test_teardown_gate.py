"""Teardown ends what is safe, also what stopped with all work at home; not what is cut or holds work elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.account_owner import ec2
from tests.support.class_machines import machines
from tests.support.commands import command
from tests.support.lab_course import Course

if TYPE_CHECKING:
    from pathlib import Path

STUDENTS = ["ada", "blaise", "carl", "dora", "emmy"]
FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
SAFE, AT_REST, CUT, STOPPED, OUTSIDE = (f"ml101-{number:03d}" for number in range(1, 6))
TEARDOWN = "teardown.yml -e class_confirm_teardown=ml101"


@pytest.mark.usefixtures("_empty_lab")
@pytest.mark.timeout(1200)
def test_exactly_the_safe_machines_go(tmp_path: Path) -> None:
    course = Course(tmp_path, {})
    course.write_roster(STUDENTS)
    course.play("provision.yml benchmarks/accounts.yml")
    for number, who in enumerate(STUDENTS, 1):
        course.on(f"ml101-{number:03d}", f"echo of {who} > {FOLDER}/{who}/own.txt")
    course.play("stop.yml -e student=blaise")  # its work is at home, as it was when it stopped
    course.on(OUTSIDE, "runuser -u emmy -- sh -c 'echo thesis > /home/emmy/thesis.txt'")
    stop(STOPPED)  # by itself, with work that nobody has
    command(f".venv/bin/python -m lab cut {CUT}")
    ids = {each["Tags"]["Name"]: each["InstanceId"] for each in machines() if each["State"] != "terminated"}
    rested = launched(ids[AT_REST])

    run = command(course.line(TEARDOWN), check=False)
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert states(ids) == {
        SAFE: "terminated",
        AT_REST: "terminated",
        CUT: "running",
        STOPPED: "terminated",
        OUTSIDE: "running",
    }
    kept = said.partition("go on costing money:\n")[2].partition("\nOptions: ")[0]
    assert kept.splitlines() == [
        f"{CUT} (running; carl): it could not be reached, so its work was not collected",
        f"{OUTSIDE} (running; emmy): emmy: in the student's home, outside daily_user: thesis.txt",
    ]
    for way in (
        "fix the problems above",
        '{"class_snapshot_work": ["carl", "emmy"]}',
        '{"class_abandon_work": ["carl", "emmy"]}',
    ):
        assert way in said
    assert launched(ids[AT_REST]) == rested  # nobody started it to look
    home = course.folder / "work"
    for who in STUDENTS:
        own = home / who / "own.txt"
        assert own.exists() == (who != "carl")
        assert who == "carl" or own.read_text() == f"of {who}\n"
    assert [key["KeyName"] for key in ec2().describe_key_pairs()["KeyPairs"]] == ["ml101"]

    command(f".venv/bin/python -m lab heal {CUT}")
    course.on(OUTSIDE, f"mv /home/emmy/thesis.txt {FOLDER}/emmy/")
    course.play(TEARDOWN)
    assert set(states(ids).values()) == {"terminated"}
    assert (home / "carl" / "own.txt").read_text() == "of carl\n"
    assert (home / "emmy" / "thesis.txt").read_text() == "thesis\n"
    assert ec2().describe_key_pairs()["KeyPairs"] == []


def stop(seat: str) -> None:
    """Stop a machine in the console of EC2, and wait until it has stopped."""
    living = [each for each in machines() if each["State"] == "running"]  # another test's class had such a seat, too
    (found,) = (each["InstanceId"] for each in living if each["Tags"].get("Name") == seat)
    ec2().stop_instances(InstanceIds=[found])
    ec2().get_waiter("instance_stopped").wait(InstanceIds=[found], WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def launched(found: str) -> datetime:
    """Return when a machine was started last."""
    (time,) = (each["LaunchTime"] for each in machines() if each["InstanceId"] == found)
    assert isinstance(time, datetime)
    return time


def states(ids: dict[str, str]) -> dict[str, str]:
    """Return the state of each machine by seat."""
    now = {each["InstanceId"]: each["State"] for each in machines()}
    return {seat: now[found] for seat, found in ids.items()}
