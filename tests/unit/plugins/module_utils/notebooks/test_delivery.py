"""New editions of templates reach students, and nothing that a student wrote is ever lost on the way."""

from __future__ import annotations

import json
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import student_files

from tests.support.notebook_course import (
    CLASH,
    FIRST,
    MINE,
    ONE,
    SCRIPT,
    SECOND,
    STUDENT,
    TWO,
    Course,
    stays_so,
    version,
    visible,
    write,
)
from tests.support.notebooks import FIXED, edited, insert, markdown, set_in, texts


def test_what_nobody_touched_becomes_the_new_edition(course: Course) -> None:
    kernel = json.dumps({**json.loads(TWO), "metadata": {"kernelspec": {"name": "c", "display_name": "c"}}})
    course.template(FIRST, kernel)
    course.template(SCRIPT, "x = 2\n")
    (course.folder / FIRST).chmod(0o600)
    result = course.give()
    assert course.executions == 2
    assert (course.text(FIRST), course.text(SCRIPT)) == (kernel, "x = 2\n")
    assert result["changes"] == [f"updated {FIRST} of {STUDENT}", f"updated {SCRIPT} of {STUDENT}"]
    assert result["report"] == [f"{STUDENT}: brought up to date {FIRST}, {SCRIPT}."]
    assert stat.S_IMODE((course.folder / FIRST).stat().st_mode) == 0o600
    assert (course.folder / FIRST).stat().st_uid == course.folder.stat().st_uid
    assert course.files() == {FIRST, SCRIPT}
    stays_so(course)


def test_what_root_put_into_the_folder_is_merged_and_kept_too(course: Course) -> None:
    write(course, FIRST, MINE)
    os.chown(course.folder / FIRST, os.getuid(), os.getgid())
    course.template(FIRST, TWO)
    assert course.give()["changes"] == [f"merged {FIRST} of {STUDENT}"]
    before = f".01-first.before-{version(MINE)}.ipynb"
    assert course.files() == {FIRST, SCRIPT, before}
    assert course.text(before) == MINE
    stays_so(course)


def test_what_the_student_changed_is_merged(course: Course) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, TWO)
    result = course.give()
    merged = nbformat.reads(course.text(FIRST), as_version=4)
    assert texts(merged)[1].endswith("Answer with a number.")
    assert texts(merged)[2:] == ["rows = len(table)\nprint(rows)", "The end", "One more question"]
    assert result["changes"] == [f"merged {FIRST} of {STUDENT}"]
    assert result["report"] == [f"{STUDENT}: merged with the student's own work {FIRST}."]
    before = f".01-first.before-{version(MINE)}.ipynb"
    assert course.files() == {FIRST, SCRIPT, before}
    assert course.text(before) == MINE
    stays_so(course)


def test_where_a_person_must_decide_the_students_file_stays(course: Course) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, CLASH)
    result = course.give()
    beside = f"01-first.new-{version(CLASH)}.ipynb"
    assert (course.text(FIRST), course.text(beside)) == (MINE, CLASH)
    assert result["kept"] == {STUDENT: [FIRST]}
    assert result["changes"] == [f"laid {beside} of {STUDENT} beside the student's file"]
    assert result["report"] == [
        f"{STUDENT}: {FIRST} stays as the student has it, because cell 3 was changed by the student and in the"
        f" template. The new edition lies beside it: {beside}."
    ]
    stays_so(course)
    (course.folder / beside).unlink()
    stays_so(course)


def test_after_a_clash_the_next_edition_is_merged_with_what_was_given_last(course: Course) -> None:
    write(course, FIRST, MINE)
    course.template(FIRST, CLASH)
    course.give()
    course.template(FIRST, TWO)
    course.give()
    assert texts(nbformat.reader.reads(course.text(FIRST)))[-1] == "One more question"
    assert "rows = len(table)" in course.text(FIRST)
    stays_so(course)


def test_an_edition_that_was_skipped(course: Course) -> None:
    """The student's machine was off while there was a second edition."""
    write(course, FIRST, MINE)
    second = json.dumps(edited(FIXED))
    course.template(FIRST, second)
    course.template(FIRST, TWO)
    course.give()
    assert "Answer with a number" in course.text(FIRST)
    assert "rows = len(table)" in course.text(FIRST)


def test_metadata_is_named_where_it_was_not_taken_over(course: Course) -> None:
    write(course, FIRST, MINE)
    kernel = {**json.loads(ONE), "metadata": {"kernelspec": {"name": "c", "display_name": "c"}}}
    course.template(FIRST, json.dumps(kernel))
    result = course.give()
    assert (course.text(FIRST), result["changed"]) == (MINE, False)
    assert result["report"] == [
        f"{STUDENT}: {FIRST}: its metadata `kernelspec` stays as it was, though the template changed it."
    ]
    stays_so(course)


def test_what_a_student_deleted_comes_back_only_if_it_is_forced(course: Course) -> None:
    course.template(SECOND, ONE)
    course.give()
    (course.folder / SECOND).unlink()
    (course.folder / SECOND).parent.rmdir()
    (course.folder / FIRST).unlink()
    stays_so(course)
    course.template(FIRST, TWO)
    course.template(SECOND, TWO)
    assert not course.give()["changed"]
    assert course.files() == {SCRIPT}
    course.again = [FIRST]
    assert course.give(check=True)["changes"] == [f"gave {STUDENT} {FIRST}"]
    assert course.give()["changes"] == [f"gave {STUDENT} {FIRST}"]
    assert (course.text(FIRST), course.files()) == (TWO, {FIRST, SCRIPT})
    write(course, FIRST, MINE)
    stays_so(course)
    assert course.text(FIRST) == MINE
    course.again = ["nothing.ipynb"]
    assert "There is no nothing.ipynb among the templates" in course.give()["msg"]


def rename(course: Course, text: str) -> str:
    (course.source / FIRST).unlink()
    course.template("01-intro.ipynb", text)
    return "01-intro.ipynb"


def test_a_renamed_template_brings_the_edits_along(course: Course) -> None:
    write(course, FIRST, MINE)
    new = rename(course, TWO)
    result = course.give()
    assert course.text(FIRST) == MINE
    assert "rows = len(table)" in course.text(new)
    assert "One more question" in course.text(new)
    assert result["report"] == [
        f"{STUDENT}: {new} is {FIRST} under a new name, with the student's edits. {FIRST} stays, too."
    ]
    stays_so(course)
    course.template(new, json.dumps(edited(set_in(3, source="The very end"), of=json.loads(TWO))))
    course.give()
    assert "The very end" in course.text(new)
    assert "rows = len(table)" in course.text(new)


def test_a_renamed_template_that_cannot_be_merged_is_told(course: Course) -> None:
    write(course, FIRST, MINE)
    new = rename(course, CLASH)
    result = course.give()
    assert (course.text(FIRST), course.text(new)) == (MINE, CLASH)
    assert result["report"] == [
        f"{STUDENT}: {new} is {FIRST} under a new name; the edits stay in {FIRST}, because cell 3 was changed by the"
        " student and in the template."
    ]
    stays_so(course)


def test_a_renamed_template_that_nobody_touched(course: Course) -> None:
    new = rename(course, TWO)
    result = course.give()
    assert (course.text(FIRST), course.text(new), result["report"]) == (ONE, TWO, [])
    stays_so(course)


def test_an_edited_file_that_is_no_longer_a_template_is_told_once(course: Course) -> None:
    write(course, SCRIPT, "mine\n")
    (course.source / SCRIPT).unlink()
    (course.source / FIRST).unlink()
    course.template("02.ipynb", json.dumps(edited(lambda cells: cells.clear())))
    result = course.give()
    assert result["report"] == [
        f"{STUDENT}: {SCRIPT} is no longer among the templates. The student's edited file stays, and gets no more"
        " updates."
    ]
    assert (course.text(SCRIPT), course.text(FIRST)) == ("mine\n", ONE)
    stays_so(course)
    course.template(SCRIPT, "x = 3\n")
    assert course.give()["kept"] == {STUDENT: [SCRIPT]}


def test_other_files_are_weighed_as_a_whole(course: Course) -> None:
    write(course, SCRIPT, "mine\n")
    course.template(SCRIPT, "x = 2\n")
    result = course.give()
    assert (course.text(SCRIPT), course.text(f"helper.new-{version('x = 2' + chr(10))}.py")) == ("mine\n", "x = 2\n")
    assert "because the student changed it" in result["report"][0]
    write(course, SCRIPT, "x = 3\n")
    course.template(SCRIPT, "x = 3\n")
    assert not course.give()["changed"]
    course.template(SCRIPT, "x = 4\n")
    course.give()
    assert course.text(SCRIPT) == "x = 4\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it is empty"),
        (b'{"cells": [', "it is not a notebook that can be read"),
        (b"[" * 50_000, "it is not a notebook that can be read"),
        (MINE.replace('"metadata": {},', '"metadata": 5,').encode(), "it is not a notebook that can be read"),
    ],
)
def test_a_broken_notebook_stays_as_it_is(course: Course, text: bytes, reason: str) -> None:
    write(course, FIRST, text)
    course.template(FIRST, TWO)
    result = course.give()
    assert (course.folder / FIRST).read_bytes() == text
    assert course.text(f"01-first.new-{version(TWO)}.ipynb") == TWO
    assert reason in result["report"][0]
    stays_so(course)


def test_a_cell_of_a_kind_that_nobody_knows_is_kept_and_never_shown_raw(course: Course) -> None:
    write(course, FIRST, MINE.replace('"code"', '"code\\u001b[2J"').encode())
    course.template(FIRST, TWO)
    assert course.give()["report"] == [f"{STUDENT}: merged with the student's own work {FIRST}."]
    kinds = [cell["cell_type"] for cell in json.loads(course.text(FIRST))["cells"]]
    assert "code\u001b[2J" in kinds


def test_a_file_too_large_to_weigh_stays_as_it_is(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student_files, "COMPARED", 1 << 20)
    write(course, FIRST, MINE + " " * (1 << 20))
    course.template(FIRST, TWO)
    assert "because it is larger than 1 MB" in course.give()["report"][0]
    assert len(course.text(FIRST)) > 1 << 20


def test_what_was_given_is_not_known_any_more(course: Course) -> None:
    for kept in (course.store / "objects").iterdir():
        kept.unlink()
    write(course, FIRST, MINE)
    course.template(FIRST, TWO)
    course.template(SCRIPT, "x = 2\n")
    result = course.give()
    assert "because what was given before is not known on this machine" in result["report"][1]
    assert (course.text(FIRST), course.text(SCRIPT)) == (MINE, "x = 2\n")


@pytest.mark.parametrize("trap", ["link", "link to folder", "folder", "pipe", "unreadable"])
def test_a_trap_in_the_place_of_a_given_file_stays(course: Course, tmp_path: Path, trap: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "root.txt").write_text("root's")
    place = course.folder / FIRST
    place.unlink()
    if trap == "link":
        place.symlink_to(outside / "root.txt")
    elif trap == "link to folder":
        place.symlink_to(outside)
    elif trap == "folder":
        place.mkdir()
    elif trap == "pipe":
        os.mkfifo(place)
    else:
        write(course, FIRST, MINE)
        place.chmod(0)
    before = place.lstat()
    course.template(FIRST, TWO)
    assert course.give()["kept"] == {STUDENT: [FIRST]}
    after = place.lstat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"root.txt": "root's"}
    assert course.text(f"01-first.new-{version(TWO)}.ipynb") == TWO
    stays_so(course)


def test_a_name_that_is_taken_is_not_taken_over(course: Course) -> None:
    beside = f"01-first.new-{version(CLASH)}.ipynb"
    write(course, FIRST, MINE)
    write(course, beside, "also mine")
    course.template(FIRST, CLASH)
    result = course.give()
    assert (course.text(FIRST), course.text(beside), result["changed"]) == (MINE, "also mine", False)
    assert result["report"] == [f"{STUDENT}: {FIRST} was not brought: something of the student's own is in the way."]


def test_a_folder_closed_to_writing_is_told(course: Course) -> None:
    course.template(SECOND, ONE)
    course.give()
    course.template(SECOND, TWO)
    course.template(SCRIPT, "x = 2\n")
    if os.geteuid() == 0:  # otherwise the student is we, who may write anywhere
        (course.folder / "week2").chmod(0o555)
        result = course.give()
        assert result["kept"] == {STUDENT: [SECOND]}
        assert course.text(SECOND) == ONE
        (course.folder / "week2").chmod(0o755)
    course.give()
    assert (course.text(SECOND), course.text(SCRIPT)) == (TWO, "x = 2\n")


def test_check_mode_previews_each_student_and_changes_nothing(course: Course) -> None:
    write(course, FIRST, MINE.replace("The end", "The \\u001b[31mend"))
    course.template(FIRST, TWO)
    course.template(SCRIPT, "x = 2\n")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in course.home.rglob("*") if path.is_file()}
    stored = {path: path.read_bytes() for path in course.store.rglob("*") if path.is_file()}
    said = course.give(check=True)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in course.home.rglob("*") if p.is_file()} == before
    assert {path: path.read_bytes() for path in course.store.rglob("*") if path.is_file()} == stored
    shown = {diff["before_header"]: diff for diff in said["diff"]}
    assert set(shown) == {f"{STUDENT}/{FIRST}", f"{STUDENT}/{SCRIPT}"}
    assert "One more question" not in shown[f"{STUDENT}/{FIRST}"]["before"]
    assert "rows = len(table)" in shown[f"{STUDENT}/{FIRST}"]["before"]
    assert "One more question" in shown[f"{STUDENT}/{FIRST}"]["after"]
    assert "\x1b" not in json.dumps(said["diff"], ensure_ascii=False)
    assert (shown[f"{STUDENT}/{SCRIPT}"]["before"], shown[f"{STUDENT}/{SCRIPT}"]["after"]) == ("x = 1\n\n", "x = 2\n\n")
    done = course.give()
    assert {key: done[key] for key in ("changes", "report", "kept", "diff", "changed")} == {
        key: said[key] for key in ("changes", "report", "kept", "diff", "changed")
    }


def test_trouble_with_one_student_does_not_keep_the_others_waiting(course: Course) -> None:
    course.template(FIRST, TWO)
    result = course.give("ghost99", STUDENT)
    assert result["failed"]
    assert "Student ghost99 has no account" in result["msg"]
    assert (course.text(FIRST), result["changes"]) == (TWO, [f"updated {FIRST} of {STUDENT}"])
    stays_so(course)


@pytest.mark.parametrize("seed", range(8))
def test_a_term_of_edits_and_editions(course: Course, seed: int) -> None:
    """Whatever the order, every cell that the student ever wrote and did not take back is in the folder at the end."""
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    template = json.loads(ONE)
    own: list[str] = []
    for week in range(6):
        what = dice.choice(["both", "template", "student", "rewrite"])
        if what != "student":
            change = insert_at(dice, template, f"T{week}") if dice.random() < 0.7 else rewrite_at(dice, f"T{week}")
            template = edited(change, of=template)
            course.template(FIRST, json.dumps(template))
        if what != "template":
            mine = nbformat.reader.reads(course.text(FIRST))
            word = f"S{week}"
            mine = edited(rewrite_at(dice, word, own) if what == "rewrite" else insert_at(dice, mine, word), of=mine)
            own = [text for text in texts(mine) if text.startswith("S")]
            write(course, FIRST, json.dumps(mine))
        course.give()
        now = nbformat.reader.reads(course.text(FIRST))
        assert [text for text in texts(now) if text.startswith("S")] == own
        nbformat.validate(now)
        assert len({cell["id"] for cell in now["cells"]}) == len(now["cells"])
        stays_so(course)
    everything = "".join(course.text(path) for path in visible(course))
    assert all(text in everything for text in texts(template) if "is new" in text)


def insert_at(dice: random.Random, of: dict[str, Any], word: str) -> Callable[[list[Any]], object]:
    return insert(dice.randrange(len(of["cells"]) + 1), markdown(f"{word} is new", f"id-{word}"))


def rewrite_at(dice: random.Random, word: str, own: list[str] | None = None) -> Callable[[list[Any]], object]:
    """Rewrite one of the cells that the course began with, or that is not yet the student's."""

    def change(cells: list[Any]) -> None:
        cell = dice.choice(
            [cell for cell in cells if cell["source"] not in (own or []) and "is new" not in cell["source"]] or cells
        )
        cell["source"] = f"{word} {cell['source'].split(' ', 1)[-1]}"

    return change
