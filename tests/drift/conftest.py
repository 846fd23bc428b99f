"""Two machines of a class that were made ready, for what changes there afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.class_machines import refuse_a_lab_that_is_up
from tests.support.commands import bring_lab_up, command
from tests.support.lab_course import Course

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDENTS = ["ada", "blaise"]


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A class of two whose machines lack nothing."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("class"), {"class_confirm_teardown": "ml101"})
    made.write_roster(STUDENTS)
    try:
        bring_lab_up()
        made.play("provision.yml configure.yml")
        yield made
    finally:
        command("make lab-down DISCARD=1")
