"""bake.yml ended in the middle: its machine is never a seat, and the next bake or teardown leaves nothing of it."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.baked import baking, images, remove_images, snapshots
from tests.support.class_machines import machines
from tests.support.lab_course import Course, Moment, tasks_of

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20264


@pytest.mark.usefixtures("_empty_lab")
@pytest.mark.timeout(7200)
def test_a_machine_that_is_baked_is_no_seat_and_none_is_left(tmp_path: Path, kills: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, and no secret
    course = Course(tmp_path, {"class_confirm_teardown": "ml101"})
    course.write_roster(["ada"])
    course.play("provision.yml")
    started = time.monotonic()
    tasks = tasks_of(course.play("bake.yml"))
    seconds = time.monotonic() - started
    ended = 0
    while ended < kills:
        remove_images()
        ended += course.end("bake.yml", Moment.draw(chance, tasks, seconds))
        check_seats()
        if ended % 5 == 0:  # the class goes on, whatever is left of the bake
            course.play("provision.yml")
            check_seats()
        course.play("bake.yml")
        assert baking() == []
        assert [image["State"] for image in images()] == ["available"]
        assert len(snapshots()) == 1
    print(f"{ended} runs ended, of {tasks} tasks and {seconds:.0f} s")
    remove_images()
    course.end("bake.yml", Moment(tasks // 2, 0, ctrl_c=False))
    course.play("teardown.yml")
    assert {each["State"] for each in machines()} == {"terminated"}
    assert len(images()) == len(snapshots()) == 0


def check_seats() -> None:
    """Ada has the one machine of the class, and what is baked has no tag of it."""
    alive = [each["Tags"] for each in machines() if each["State"] not in ("shutting-down", "terminated")]
    assert [tags for tags in alive if "BakedBy" not in tags] == [
        {"Class": "ml101", "Name": "ml101-001", "Students": "ada"}
    ]
    assert not any(tags.keys() & {"Class", "Students"} for tags in alive if "BakedBy" in tags)
