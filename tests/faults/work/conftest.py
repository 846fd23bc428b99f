"""A class whose students work: three of them on two machines, at the mercy of the tests of this folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.lab_course import Course
from tests.support.term import STUDENTS, Term
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def term(_lab: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Term]:
    """Have the class, with the notebooks of the course; at the end all work comes home."""
    folder = tmp_path_factory.mktemp("term")
    shutil.copytree(PROJECT / "templates/notebooks", folder / "notebooks")
    settings = {"class_students_per_machine": 2, "class_notebooks_directory": str(folder / "notebooks")}
    made = Term(Course(folder, settings))
    made.course.write_roster(STUDENTS)
    made.course.play("provision.yml configure.yml")
    yield made
    made.course.play("teardown.yml -e class_confirm_teardown=ml101")
    made.nothing_lost()
