"""Ada's machine, as provision.yml and configure.yml leave it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.class_machines import refuse_a_lab_that_is_up
from tests.support.commands import bring_lab_up, command
from tests.support.lab_course import Course

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Have the class for all files of this folder: nothing here changes its machine."""
    refuse_a_lab_that_is_up()
    day = datetime.now(UTC) + timedelta(days=3)  # on which no machine of this class runs any more
    hours = {"zone": "UTC", "hours": [f"{day:%a} 08:00-18:00"], "last_day": f"{day:%Y-%m-%d}"}
    made = Course(tmp_path_factory.mktemp("course"), {"class_timetable": hours})
    made.write_roster(["ada"])
    try:
        bring_lab_up()
        made.play("provision.yml configure.yml")
        yield made
    finally:
        command("make lab-down DISCARD=1")
