"""What lies in an instructor's folder: what students are given of it, and what is said of the rest."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import (
    LONGEST_NAME,
    Templates,
    read_templates,
)

from tests.support.notebook_course import FIRST, MINE, ONE, SCRIPT, STUDENT, TWO, Course, stays_so, write
from tests.support.notebooks import BASE, code, dumped, edited, markdown, notebook, set_in

CASES = Path(__file__).with_name("cases")
NOBODY = 65534
# How long each test may take: nothing in that folder may hold a run.
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account gets into, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def link_to_pipe(folder: Path, name: str) -> None:
    os.mkfifo(folder / ".p")
    (folder / name).symlink_to(".p")


def link_to_folder(folder: Path, name: str) -> None:
    (folder / ".real").mkdir()
    (folder / ".real" / "x.csv").write_text("1")
    (folder / name).symlink_to(".real")


def listen(at: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(at))


ENTRIES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to nothing": (
        lambda at: (at / "data").symlink_to("/nowhere/there"),
        "data is given to nobody: it is a link to /nowhere/there, where nothing is. Put the file itself there.",
    ),
    "a link to itself": (
        lambda at: (at / "loop.py").symlink_to("loop.py"),
        "loop.py is given to nobody: it cannot be read (Too many levels of symbolic links).",
    ),
    "a pipe": (lambda at: os.mkfifo(at / "p"), "p is given to nobody: it is a pipe, not a file. Take it away."),
    "a link to a pipe": (
        lambda at: link_to_pipe(at, "q.ipynb"),
        "q.ipynb is given to nobody: it is a pipe, not a file. Take it away.",
    ),
    "a link to a device without an end": (
        lambda at: (at / "zero.ipynb").symlink_to("/dev/zero"),
        "zero.ipynb is given to nobody: it is a device, not a file. Take it away.",
    ),
    "a socket": (lambda at: listen(at / "s"), "s is given to nobody: it is a socket, not a file. Take it away."),
    "a link to a folder": (
        lambda at: link_to_folder(at, "data"),
        "data is given to nobody: it is a link to a folder. Put the folder itself there.",
    ),
    "a name of 240 bytes": (
        lambda at: (at / f"{'x' * 234}.ipynb").write_text(ONE),
        f"{'x' * 80}…{'x' * 33}.ipynb is given to nobody: its name has 240 bytes, and {LONGEST_NAME} are the most."
        " Give it a shorter one.",
    ),
    "a name of 240 bytes and far fewer letters": (
        lambda at: (at / f"{'ü' * 117}.ipynb").write_text(ONE),
        f"{'ü' * 80}…{'ü' * 33}.ipynb is given to nobody: its name has 240 bytes, and {LONGEST_NAME} are the most."
        " Give it a shorter one.",
    ),
    "a name in Latin-1": (
        lambda at: Path(os.fsdecode(os.fsencode(at) + b"/\xdcbung.ipynb")).write_text(ONE),
        "\\xdcbung.ipynb is given to nobody: its name is not UTF-8. Rename it.",
    ),
    "a folder with a name in Latin-1": (
        lambda at: os.mkdir(os.fsencode(at) + b"/\xdcbungen"),
        "\\xdcbungen is given to nobody: its name is not UTF-8. Rename it.",
    ),
    "one name in two spellings": (
        lambda at: ((at / "U\u0308bung.py").write_text("x = 1\n"), (at / "\u00dcbung.py").write_text("x = 2\n")),
        "\u00dcbung.py is given to nobody: another file has the same name, written with other code points. Take one of"
        " them away.",
    ),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_what_is_no_file_is_named_and_the_rest_given(course: Course, kind: str) -> None:
    make, sentence = ENTRIES[kind]
    make(course.source)
    course.template("zz.py", "last\n")
    assert read_templates(str(course.source)).sentences == [sentence]
    result = course.give()
    assert "failed" not in result
    assert course.text("zz.py") == "last\n"
    assert set(result["changes"]) - {f"gave {STUDENT} U\u0308bung.py", f"gave {STUDENT} \u00dcbung.py"} == {
        f"gave {STUDENT} zz.py"
    }
    stays_so(course)


def test_a_link_to_a_file_is_followed(course: Course, tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("x = 5\n")
    (course.source / "linked.py").symlink_to(tmp_path / "shared.py")
    assert read_templates(str(course.source)).withheld == {}
    course.give()
    assert course.text("linked.py") == "x = 5\n"


def test_what_may_not_be_read_is_named(open_folder: Path) -> None:
    (open_folder / "secret.py").write_text("x")
    (open_folder / "secret.py").chmod(0)
    root = os.geteuid() == 0
    try:
        if root:  # who may read everything
            os.seteuid(NOBODY)
        sentences = read_templates(str(open_folder)).sentences
    finally:
        if root:
            os.seteuid(0)
    assert sentences == ["secret.py is given to nobody: it cannot be read (Permission denied)."]


def test_the_longest_name_that_is_given_is_merged_and_laid_beside(course: Course) -> None:
    name = f"{'x' * (LONGEST_NAME - 6)}.ipynb"
    course.template(name, ONE)
    course.give()
    write(course, name, MINE)
    course.template(name, TWO)
    assert f"merged {name} of {STUDENT}" in course.give()["changes"]
    course.template(name, dumped(edited(set_in(2, source="rows = None"))))
    assert course.give()["kept"] == {STUDENT: [name]}
    stays_so(course)


TORN = "<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other"
FAULTS: dict[str, tuple[bytes, str]] = {
    "a conflict": (
        (CASES / "conflict_markers_given_to_everybody.ipynb").read_bytes(),
        "its line 1 begins a conflict that git could not merge (<<<<<<<)",
    ),
    "a conflict further down, with its origin": (
        b'{\n "cells": [],\n<<<<<<< ours\n "metadata": {},\n||||||| base\n=======\n>>>>>>> theirs\n "nbformat": 4\n}',
        "its line 3 begins a conflict that git could not merge (<<<<<<<)",
    ),
    "half of a conflict, at its beginning": (
        b"<<<<<<< HEAD\n" + ONE.encode(),
        "its line 1 begins a conflict that git could not merge (<<<<<<<)",
    ),
    "half of a conflict, at its end": (
        b'{\n "cells": [],\n>>>>>>> theirs\n "nbformat": 4\n}',
        "its line 3 ends a conflict that git could not merge (>>>>>>>)",
    ),
    "a format that is a text": (
        dumped({**BASE, "nbformat": "4"}).encode(),
        'it is in notebook format "4", which Jupyter does not open',
    ),
    "format 3 without what is in it": (b'{"nbformat": 3, "metadata": {}}', "it has no worksheets"),
    "attachments that are texts": (
        dumped(edited(set_in(1, attachments={"a.png": "x"}))).encode(),
        "its cell 2 has attachments that are none",
    ),
    "a conflict in a cell, as nbdime leaves it": (
        dumped(edited(set_in(2, source=TORN))).encode(),
        "its cell 3 has a conflict that git could not merge (<<<<<<<)",
    ),
    "a conflict in a cell of text": (
        dumped(edited(set_in(1, source=f"Read:\n{TORN}"))).encode(),
        "its cell 2 has a conflict that git could not merge (<<<<<<<)",
    ),
    "empty": ((CASES / "empty_given_to_everybody.ipynb").read_bytes(), "it is empty"),
    "blanks": (b" \n\n", "it is empty"),
    "a byte order mark": (
        b"\xef\xbb\xbf" + ONE.encode(),
        "it begins with a byte order mark, with which Jupyter opens no notebook. Save it as UTF-8 without one",
    ),
    "UTF-16": (
        ONE.encode("utf-16"),
        "it begins with a byte order mark, with which Jupyter opens no notebook. Save it as UTF-8 without one",
    ),
    "Latin-1": (
        json.dumps(edited(set_in(0, source="Übung")), ensure_ascii=False, indent=1).encode("latin-1"),
        "its line 7 is not UTF-8",
    ),
    "cut off": (ONE[:-40].encode(), "it is not JSON, because of its line "),
    "a comma too many": (
        b'{"cells": [],\n "metadata": {},\n "nbformat": 4, "nbformat_minor": 5,\n}',
        "it is not JSON, because of its line ",
    ),
    "brackets without end": (b"[" * 100_000, "it is not JSON that can be read"),
    "a web page": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "it is a web page, not a notebook"),
    "a pointer of Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n",
        "it is a pointer of Git LFS, not the file. Run git lfs pull",
    ),
    "a pointer of git-annex": (
        b"/annex/objects/SHA256E-s12--00.ipynb\n",
        "it is a pointer of git-annex, not the file. Run git annex get",
    ),
    "a list": (b"[]", "it is JSON, but not a notebook"),
    "no format": (b'{"cells": []}', "it is JSON, but does not say which notebook format it has (nbformat)"),
    "a format of the future": (
        dumped({**BASE, "nbformat": 5}).encode(),
        "it is in notebook format 5, which Jupyter does not open",
    ),
    "no metadata": (b'{"cells": [], "nbformat": 4}', "it has no metadata"),
    "no cells": (b'{"metadata": {}, "nbformat": 4}', "it has no cells"),
    "a cell that is a number": (dumped({**BASE, "cells": [1]}).encode(), "its cell 1 is none"),
    "a cell of no kind": (
        dumped(edited(lambda cells: cells[1].pop("cell_type"))).encode(),
        "its cell 2 does not say its kind (cell_type)",
    ),
    "a cell without metadata": (
        dumped(edited(lambda cells: cells[3].pop("metadata"))).encode(),
        "its cell 4 has no metadata",
    ),
    "a source that is a number": (
        dumped(edited(set_in(0, source=5))).encode(),
        "its cell 1 has a source that is no text",
    ),
    "outputs that are null": (dumped(edited(set_in(2, outputs=None))).encode(), "its cell 3 has outputs that are none"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_notebook_that_is_of_no_use_is_given_to_nobody(course: Course, kind: str) -> None:
    """Neither to those who get it for the first time, nor to those who have it; and it does not count as taken away."""
    content, why = FAULTS[kind]
    write(course, FIRST, MINE)
    (course.source / FIRST).write_bytes(content)
    (course.source / "new.ipynb").write_bytes(content)
    course.template(SCRIPT, "x = 2\n")
    said = read_templates(str(course.source)).withheld
    assert list(said) == [FIRST, "new.ipynb"]
    assert said[FIRST].startswith(why)
    result = course.give()
    assert result["changes"] == [f"updated {SCRIPT} of {STUDENT}"]
    assert result["report"] == [f"{STUDENT}: brought up to date {SCRIPT}."]
    assert (course.text(FIRST), course.files()) == (MINE, {FIRST, SCRIPT})
    stays_so(course)
    course.template(FIRST, TWO)
    assert course.give()["changes"] == [f"merged {FIRST} of {STUDENT}"]


def test_a_script_with_a_conflict_is_given_to_nobody(tmp_path: Path) -> None:
    torn = f"import numpy\n{TORN}\n"
    for name, text in (
        ("torn.py", torn),
        ("half.py", "x = 1\n>>>>>>> other\n"),
        ("shown.py", f'"""\n{TORN}\n"""\n'),
        ("git.md", torn),
        ("odd.py", "x = = 1\n"),
    ):
        (tmp_path / name).write_text(text)
    templates = read_templates(str(tmp_path))
    assert templates.withheld == {
        "torn.py": "its line 2 begins a conflict that git could not merge (<<<<<<<)",
        "half.py": "its line 2 ends a conflict that git could not merge (>>>>>>>)",
    }
    assert sorted(templates.contents) == ["git.md", "odd.py", "shown.py"]


FENCE = f"So git shows it:\n```text\n{TORN}\n```\n"
IN_ORDER = {
    "a conflict that is shown in a text": edited(set_in(1, source=FENCE)),
    "a conflict that is shown in a string": edited(set_in(2, source=f'text = """\n{TORN}\n"""')),
    "a conflict that is written to a file": edited(set_in(2, source=f"%%writefile x.py\n{TORN}")),
    "a line of equal signs": edited(set_in(1, source="Title\n=======\n")),
    "a key of its own": {**BASE, "path_": "x.ipynb"},
    "a code cell without outputs": edited(lambda cells: cells[2].pop("outputs")),
    "ids in format 4.4": {**BASE, "nbformat_minor": 4},
    "no cells yet": notebook(),
    "format 3": {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": []},
    "lines of sources": edited(set_in(2, source=["x = 1\n", "x"])),
    "an output": notebook(code("1", "a", "1"), markdown("b", "b")),
}


@pytest.mark.parametrize("kind", IN_ORDER)
def test_what_jupyter_opens_is_given(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.ipynb").write_text(dumped(IN_ORDER[kind]))
    assert read_templates(str(tmp_path)) == Templates({"x.ipynb": dumped(IN_ORDER[kind]).encode()})


def test_other_files_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    (tmp_path / "git.md").write_text(TORN)
    assert read_templates(str(tmp_path)).withheld == {}


def test_a_folder_that_became_a_link_is_not_taken_away(course: Course) -> None:
    course.template("week2/a.py", "x = 1\n")
    course.give()
    write(course, "week2/a.py", "mine\n")
    (course.source / "week2").rename(course.source / ".week2")
    (course.source / "week2").symlink_to(".week2")
    assert course.give()["report"] == []
    shutil.rmtree(course.source / ".week2")
    assert course.give()["report"] == []
    (course.source / "week2").unlink()
    assert "no longer among the templates" in course.give()["report"][0]


COMPOSED, DECOMPOSED = "\u00dcbung/Gr\u00f6\u00dfe.ipynb", "U\u0308bung/Gro\u0308\u00dfe.ipynb"


@pytest.mark.parametrize(("before", "now"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_name_in_another_spelling_is_the_same_file(course: Course, before: str, now: str) -> None:
    """The course is taught from a Mac, then from Linux, or the other way round."""
    course.template(before, ONE)
    course.give()
    assert course.text(COMPOSED) == ONE
    shutil.rmtree(course.source / before.split("/")[0])
    course.template(now, ONE)
    stays_so(course)
    course.template(now, TWO)
    write(course, COMPOSED, MINE)
    assert course.give()["changes"] == [f"merged {COMPOSED} of {STUDENT}"]
    (course.folder / COMPOSED).unlink()
    course.again = [now]
    assert course.give()["changes"] == [f"gave {STUDENT} {COMPOSED}"]


def test_a_class_that_was_given_decomposed_names_keeps_them(course: Course) -> None:
    """As an earlier version gave them: it took the names as they came."""
    record = course.store / f"{STUDENT}.json"
    given = json.loads(record.read_text())
    record.write_text(json.dumps({**given, DECOMPOSED: given[FIRST]}))
    write(course, DECOMPOSED, MINE)
    course.template(COMPOSED, ONE)
    stays_so(course)
    course.template(COMPOSED, TWO)
    assert course.give()["changes"] == [f"merged {DECOMPOSED} of {STUDENT}"]
    assert sorted(path for path in course.files() if "/" in path and "before" not in path) == [DECOMPOSED]


def test_a_student_who_brings_a_file_back_from_a_mac(course: Course) -> None:
    course.template("\u00dcbung.ipynb", ONE)
    course.give()
    (course.folder / "\u00dcbung.ipynb").unlink()
    write(course, "U\u0308bung.ipynb", MINE)
    course.template("\u00dcbung.ipynb", TWO)
    assert course.give()["changes"] == [f"merged \u00dcbung.ipynb of {STUDENT}"]
    assert "One more question" in course.text("U\u0308bung.ipynb")
    assert not (course.folder / "\u00dcbung.ipynb").exists()
    stays_so(course)
