"""What students do with what they were given: pair it with a script, rename it, save it with other ends of lines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.student_files import partners

from tests.support.notebook_course import (
    FIRST,
    MINE,
    ONE,
    SCRIPT,
    STUDENT,
    TWO,
    Course,
    stays_so,
    version,
    visible,
    write,
)
from tests.support.notebooks import BASE, dumped, edited, set_in

CASE = Path(__file__).with_name("cases") / "paired_with_a_script"
NAME = "student.ipynb"


def paired(course: Course) -> None:
    """Give the notebook of the case, let the student pair and edit it, and have the new edition."""
    course.template(NAME, (CASE / "base.ipynb").read_text())
    course.give()
    for name in (NAME, "student.py"):
        write(course, name, (CASE / name).read_bytes())
    course.template(NAME, (CASE / "template.ipynb").read_text())


def test_a_notebook_that_is_paired_with_a_script_can_still_be_opened(course: Course) -> None:
    """Jupytext refuses a notebook that is newer than its script and has other cells; its script has them all."""
    paired(course)
    result = course.give()
    beside = f"student.new-{version((CASE / 'template.ipynb').read_text())}.ipynb"
    assert course.text(NAME) == (CASE / NAME).read_text()
    assert course.text("student.py") == (CASE / "student.py").read_text()
    assert course.text(beside) == (CASE / "template.ipynb").read_text()
    assert result["report"] == [
        f"{STUDENT}: {NAME} stays as the student has it, because Jupytext pairs it with student.py, from which Jupyter"
        f" takes its cells. The new edition lies beside it: {beside}."
    ]
    stays_so(course)


def test_a_pair_is_known_by_the_head_of_the_script_too(course: Course) -> None:
    """Where a setting of Jupytext pairs all notebooks, none says so itself."""
    write(course, FIRST, MINE)
    write(
        course,
        "01-first.md",
        "---\njupyter:\n  jupytext:\n    text_representation: {extension: .md}\n---\n\n# Arrays\n",
    )
    course.template(FIRST, TWO)
    assert course.give()["kept"] == {STUDENT: [FIRST]}


def test_a_notebook_is_merged_beside_a_script_that_only_has_its_name(course: Course) -> None:
    write(course, FIRST, MINE)
    write(course, "01-first.py", "print('mine')\n")
    course.template(FIRST, TWO)
    assert course.give()["changes"] == [f"merged {FIRST} of {STUDENT}"]


def test_once_the_script_is_gone_the_notebook_is_merged(course: Course) -> None:
    paired(course)
    (course.folder / "student.py").unlink()
    assert course.give()["changes"] == [f"merged {NAME} of {STUDENT}"]
    assert "x = 100  # corrected" in course.text(NAME)
    assert "mine = 3" in course.text(NAME)


@pytest.mark.parametrize("ending", ["py", "Rmd"])
def test_a_pair_of_the_course_comes_as_a_pair(course: Course, ending: str) -> None:
    """Both are templates: who touched neither gets both, and who touched the notebook alone has no Jupytext."""
    formats = {**json.loads(ONE), "metadata": {"jupytext": {"formats": f"ipynb,{ending}"}}}
    script = f"student.{ending}"
    course.template(NAME, dumped(formats))
    course.template(script, "# %%\nx = 1\n")
    course.give()
    second = edited(set_in(0, source="# Second"), of=formats)
    course.template(NAME, dumped(second))
    course.template(script, "# %%\nx = 2\n")
    assert set(course.give()["changes"]) == {f"updated {NAME} of {STUDENT}", f"updated {script} of {STUDENT}"}
    write(course, NAME, dumped(edited(set_in(2, source="mine"), of=second)))
    course.template(NAME, dumped(edited(set_in(0, source="# Third"), of=second)))
    course.template(script, "# %%\nx = 3\n")
    assert set(course.give()["changes"]) == {f"merged {NAME} of {STUDENT}", f"updated {script} of {STUDENT}"}


@pytest.mark.parametrize(
    ("formats", "found"),
    [
        ("ipynb,py:percent", ["a.py"]),
        ("ipynb,auto:light", ["a.py"]),
        ("ipynb,.pct.py:percent,.lgt.py:light,Rmd", ["a.pct.py", "a.lgt.py", "a.Rmd"]),
        ("ipynb,md:myst", ["a.md"]),
        ("notebooks//ipynb,scripts//py:percent", ["../scripts/a.py"]),
        ("ipynb,scripts/py", ["scripts/a.py"]),
        ("ipynb", []),
        ({"ipynb": 1}, []),
        (None, []),
    ],
)
def test_the_partners_of_a_notebook(formats: object, found: list[str]) -> None:
    paired = {**BASE, "metadata": {"jupytext": {"formats": formats}}}
    assert partners("a.ipynb", dumped(paired).encode()) == found
    assert partners("a.ipynb", b"[") == []


def test_a_renamed_copy_is_named_once(course: Course) -> None:
    write(course, FIRST, MINE)
    (course.folder / FIRST).rename(course.folder / "ada-01.ipynb")
    stays_so(course)  # as long as there is nothing new
    course.template(FIRST, TWO)
    result = course.give()
    assert result["report"] == [
        f"{STUDENT}: {FIRST} is ada-01.ipynb by now, as the student renamed it, and gets no more updates."
    ]
    assert (result["changed"], course.text("ada-01.ipynb"), course.files()) == (False, MINE, {"ada-01.ipynb", SCRIPT})
    stays_so(course)
    course.template(FIRST, dumped(edited(set_in(3, source="The very end"), of=json.loads(TWO))))
    assert course.give()["report"] == []
    stays_so(course)
    (course.folder / "ada-01.ipynb").rename(course.folder / FIRST)
    assert course.give()["changes"] == [f"merged {FIRST} of {STUDENT}"]


def test_other_notebooks_are_no_renamed_copies(course: Course) -> None:
    """Neither what the course gave, nor what it laid beside, nor what has other cells."""
    course.template("02-alike.ipynb", ONE)
    course.give()
    (course.folder / FIRST).unlink()
    write(course, "01-first.new-0123abcd.ipynb", ONE)
    write(course, ".01-first.before-0123abcd.ipynb", ONE)
    write(course, "own.ipynb", dumped(edited(lambda cells: cells.clear())))
    write(course, "broken.ipynb", "[")
    course.template(FIRST, TWO)
    assert course.give()["report"] == []
    stays_so(course)


@pytest.mark.parametrize("mine", ["x = 1\r\n", "x = 1", "x = 1\n\n\n"])
def test_other_ends_of_lines_are_no_edit_of_a_script(course: Course, mine: str) -> None:
    write(course, SCRIPT, mine)
    course.template(SCRIPT, "x = 2\n")
    assert course.give()["kept"] == {}
    assert course.text(SCRIPT) == "x = 2\n"
    stays_so(course)


def test_a_template_with_other_ends_of_lines_is_no_new_edition_of_a_script(course: Course) -> None:
    """The course is taught from Windows, where git writes CRLF."""
    write(course, SCRIPT, "mine\n")
    course.template(SCRIPT, "x = 1\r\n")
    result = course.give()
    assert (result["kept"], result["report"], course.text(SCRIPT)) == ({}, [], "mine\n")
    stays_so(course)


def test_other_ends_of_lines_are_no_edit_of_what_is_no_longer_a_template(course: Course) -> None:
    write(course, SCRIPT, "x = 1\r\n")
    (course.source / SCRIPT).unlink()
    assert course.give()["report"] == []


def test_a_file_that_is_no_text_is_compared_byte_by_byte(course: Course) -> None:
    (course.source / "a.npy").write_bytes(b"\0a\n")
    course.give()
    write(course, "a.npy", b"\0a\r\n")
    (course.source / "a.npy").write_bytes(b"\0b\n")
    assert course.give()["kept"] == {STUDENT: ["a.npy"]}
    assert (course.folder / "a.npy").read_bytes() == b"\0a\r\n"


def test_a_folder_of_the_student_without_anything(course: Course) -> None:
    shutil.rmtree(course.folder)
    course.template(FIRST, TWO)
    assert course.give()["report"] == []
    assert visible(course) == set()
