"""Notebooks as Jupyter opens them and the format's schema does not have them, and differences that are no edits.

Each folder of `cases` shows a kind of notebook that people have: base is what was given last, template the new edition,
student the student's file.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import merge as merge_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge import (
    DoubtError,
    Merged,
    merge,
    read,
)

from tests.support.notebooks import (
    BASE,
    FIXED,
    MORE,
    RUN,
    SOLVED,
    Cell,
    Notebook,
    code,
    dumped,
    edited,
    markdown,
    notebook,
    set_in,
    texts,
    valid,
    without_ids,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id", "ignore:Cell is missing an id")

CASES = Path(__file__).with_name("cases")


def case(name: str) -> tuple[str, str, str]:
    base, student, template = ((CASES / name / f"{who}.ipynb").read_text() for who in ("base", "student", "template"))
    return base, student, template


@pytest.mark.parametrize(
    "name",
    [
        "extra_top_level_key_in_template",
        "student_code_cell_without_execution_count",
        "student_stream_output_without_name",
    ],
)
def test_what_jupyter_opens_is_merged(name: str) -> None:
    result = valid(merge(*case(name)).text)
    assert texts(result) == [
        "# Week 1\nRead on. Corrected.",
        "import numpy as np\nx = np.arange(3)",
        "z = 5",
        "y = ...  # your answer\nmine = 1",
        "note of mine",
    ]


def test_an_output_without_a_name_keeps_its_text() -> None:
    result = valid(merge(*case("student_stream_output_without_name")).text)
    assert result["cells"][1]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "hi\n"}]


def test_the_next_edition_is_not_blocked() -> None:
    """After a merge with a file that the schema forbids comes another edition."""
    for name in ("student_code_cell_without_execution_count", "student_stream_output_without_name"):
        base, student, template = case(name)
        next_one = json.loads(template)
        next_one["cells"].append({"cell_type": "markdown", "id": "last", "metadata": {}, "source": "Bye"})
        result = valid(merge(template, merge(base, student, template).text, dumped(next_one)).text)
        assert "mine = 1" in texts(result)[3]
        assert texts(result)[-1] in ("Bye", "note of mine")
        assert len(texts(result)) == 6


def test_a_cell_that_ends_in_one_more_newline_is_not_edited() -> None:
    base, student, template = case("student_cells_end_in_one_more_newline")
    assert merge(base, student, template) == Merged(template)


def test_run_times_are_not_told_of_cell_by_cell() -> None:
    merged = merge(*case("thirty_notes_about_run_times"))
    assert merged.notes == []
    assert texts(valid(merged.text))[0] == "x0 = 100"


def without(place: int, *keys: str) -> Callable[[list[Cell]], object]:
    return lambda cells: [cells[place].pop(key) for key in keys]


def with_metadata(who: str, key: str, value: Any) -> Notebook:
    """Return five cells of code with metadata that `who` gave each of them."""
    result = notebook(*(code(f"x = {n}", f"c{n}") for n in range(5)))
    for cell in result["cells"]:
        cell["metadata"][key] = value
    result["metadata"].update(language_info={"name": "python", "version": who}, colab={"provenance": [who]})
    return result


def of_format_3() -> Notebook:
    """Return a notebook as IPython 2 wrote it, with the cells of BASE."""
    kinds: dict[str, Cell] = {
        "markdown": {"cell_type": "markdown"},
        "code": {"cell_type": "code", "language": "python", "outputs": []},
    }
    cells = []
    for cell in BASE["cells"]:
        text = {"input" if cell["cell_type"] == "code" else "source": [cell["source"]]}
        cells.append({**kinds[cell["cell_type"]], "metadata": {}, **text})
    sheet = {"cells": cells, "metadata": {}}
    return {"metadata": {"name": "", "signature": "x"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]}


def ids(of: Notebook, names: list[Any]) -> Notebook:
    result = copy.deepcopy(of)
    for cell, name in zip(result["cells"], names, strict=True):
        cell["id"] = name
    return result


def top(of: Notebook, **keys: Any) -> Notebook:
    return {**copy.deepcopy(of), **keys}


# By kind: base, student's file, new edition. In all of them the student solved the third cell.
SOLUTION = edited(SOLVED)
NEWS = edited(MORE, of=edited(FIXED))
STRANGE: dict[str, tuple[Notebook, Notebook, Notebook]] = {
    "a key of its own at the top of the student's file": (BASE, top(SOLUTION, path_="x.ipynb"), NEWS),
    "a key of its own in a cell, in all three": (
        edited(set_in(0, zz=1)),
        edited(set_in(0, zz=1), of=SOLUTION),
        edited(set_in(0, zz=1), of=NEWS),
    ),
    "a code cell of the base without outputs": (edited(without(2, "outputs")), SOLUTION, NEWS),
    "a code cell of the template without outputs and count": (
        BASE,
        SOLUTION,
        edited(without(2, "outputs", "execution_count"), of=NEWS),
    ),
    "outputs left in a cell of text": (BASE, edited(set_in(0, outputs=[], execution_count=None), of=SOLUTION), NEWS),
    "a result without metadata": (
        BASE,
        edited(set_in(2, outputs=[{"output_type": "execute_result", "data": {"text/plain": "150"}}]), of=SOLUTION),
        NEWS,
    ),
    "an error without its traceback": (
        BASE,
        edited(set_in(2, outputs=[{"output_type": "error", "ename": "KeyError", "evalue": "x"}]), of=SOLUTION),
        NEWS,
    ),
    "ids in a notebook of format 4.4": (BASE, SOLUTION, top(NEWS, nbformat_minor=4)),
    "ids in three notebooks of format 4.4": (
        top(BASE, nbformat_minor=4),
        top(SOLUTION, nbformat_minor=4),
        top(NEWS, nbformat_minor=4),
    ),
    "ids with blanks and umlauts": (BASE, ids(SOLUTION, ["Übung 1", "q", "a 1", "e"]), NEWS),
    "ids that are numbers": (BASE, ids(SOLUTION, [1, 2, 3, 4]), NEWS),
    "ids that are too long": (BASE, ids(SOLUTION, [f"{n}" * 65 for n in range(4)]), NEWS),
    "ids that are empty": (BASE, SOLUTION, ids(NEWS, ["", "", "", "", ""])),
    "a minor version that is a text": (top(BASE, nbformat_minor="5"), SOLUTION, top(NEWS, nbformat_minor="5")),
    "no minor version": (BASE, {k: v for k, v in SOLUTION.items() if k != "nbformat_minor"}, NEWS),
    "a base and a template of format 3": (of_format_3(), without_ids(SOLUTION), NEWS),
    "a kernel without its title": (BASE, top(SOLUTION, metadata={"kernelspec": {"name": "python3"}}), NEWS),
    "a byte order mark in what was given": (BASE, SOLUTION, NEWS),
    "a kernel that is a text": (BASE, top(SOLUTION, metadata={"kernelspec": "python3"}), NEWS),
    "a language of its own, as a text": (BASE, top(SOLUTION, metadata={"language_info": "python"}), NEWS),
    "authors of its own, as a text": (BASE, top(SOLUTION, metadata={"authors": "Ada"}), NEWS),
    "a title of its own, as a number": (BASE, top(SOLUTION, metadata={"title": 7}), NEWS),
    "widgets of its own, as ipywidgets 5 kept them": (BASE, top(SOLUTION, metadata={"widgets": {"state": {}}}), NEWS),
    "tags of its own, as a text": (BASE, edited(set_in(0, metadata={"tags": "x"}), of=SOLUTION), NEWS),
    "tags of its own, twice": (BASE, edited(set_in(0, metadata={"tags": ["x", "x"]}), of=SOLUTION), NEWS),
    "a truth value of its own, as a text": (
        BASE,
        edited(set_in(2, metadata={"collapsed": "true"}), of=SOLUTION),
        NEWS,
    ),
    "a count of its own, as a text": (BASE, edited(set_in(2, execution_count="3"), of=SOLUTION), NEWS),
    "a count of its own, with decimals": (BASE, edited(set_in(2, execution_count=3.0), of=SOLUTION), NEWS),
    "keys of its own, from format 3": (BASE, edited(set_in(2, prompt_number=3, input="x"), of=SOLUTION), NEWS),
    "attachments of its own in a cell of code": (
        BASE,
        edited(set_in(2, attachments={"a.png": {"image/png": "iVBORw0KGgo="}}), of=SOLUTION),
        NEWS,
    ),
    "outputs of its own, of a kind of format 3": (
        BASE,
        edited(set_in(2, outputs=[{"output_type": "pyerr", "ename": "E", "evalue": "", "traceback": []}]), of=SOLUTION),
        NEWS,
    ),
    "outputs of its own, as they travel and are not saved": (
        BASE,
        edited(set_in(2, outputs=[{"output_type": "update_display_data", "data": {}, "metadata": {}}]), of=SOLUTION),
        NEWS,
    ),
    "a minor version with decimals": (top(BASE, nbformat_minor=5.0), top(SOLUTION, nbformat_minor=5.0), NEWS),
    "a format with decimals": (top(BASE, nbformat=4.0), top(SOLUTION, nbformat=4.0), NEWS),
    "a minor version of tomorrow": (top(BASE, nbformat_minor=9), SOLUTION, top(NEWS, nbformat_minor=9)),
    "an id of two cells": (BASE, ids(SOLUTION, ["a", "a", "a", "a"]), NEWS),
    "ids that are nothing": (BASE, ids(SOLUTION, [None, None, None, None]), NEWS),
    "cells without a source": (
        edited(without(0, "source")),
        edited(without(0, "source"), of=SOLUTION),
        edited(set_in(0, source=""), of=NEWS),
    ),
    "lines that end as in Windows": (
        BASE,
        edited(set_in(1, source=BASE["cells"][1]["source"] + "\r\n"), of=SOLUTION),
        NEWS,
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_the_schema_forbids_does_no_harm(name: str) -> None:
    base, student, template = map(dumped, STRANGE[name])
    if "byte order mark" in name:
        base = f"\ufeff{base}"
    merged = merge(base, student, template)
    result = read(merged.text)
    sources = texts(result)
    assert sources[1].startswith("How many rows has the table? Answer with a number.")
    assert sources[2] == "rows = len(table)\nprint(rows)"
    assert sources[-1] == "One more question"
    for output, own in zip(result["cells"][2]["outputs"], STRANGE[name][1]["cells"][2]["outputs"], strict=True):
        assert {**output, **own} == output
    if result["nbformat_minor"] >= 5:
        names = [cell["id"] for cell in result["cells"]]
        assert len(set(names)) == len(names)
    else:
        assert not any("id" in cell for cell in result["cells"])
    if not any(word in name for word in ("of its own", "kernel")):  # what is forbidden there is the student's own
        valid(merged.text)


def test_nothing_is_newly_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """What neither the student nor the template had wrong is our mistake, and so a doubt."""
    weave = merge_module._Merge._weave

    def spoil(*args: Any) -> Any:
        cells = weave(*args)
        cells[0]["zz"] = 1
        return cells

    monkeypatch.setattr(merge_module._Merge, "_weave", spoil)
    with pytest.raises(DoubtError, match="the merged notebook is not a valid notebook"):
        merge(dumped(BASE), dumped(SOLUTION), dumped(NEWS))


BAD = {
    "conflict markers": '<<<<<<< HEAD\n{"cells": [],\n=======\n{"cells": [1],\n>>>>>>> other\n "nbformat": 4}\n',
    "empty": "",
    "cut off": dumped(BASE)[:-40],
}


@pytest.mark.parametrize("name", BAD)
def test_a_good_edition_gets_past_a_bad_one(name: str) -> None:
    """The student mended what was given, by hand, and went on; then the teacher's mended edition comes."""
    mended = edited(lambda cells: cells.insert(3, markdown("Ask about this!", "note")))
    result = valid(merge(BAD[name], dumped(mended), dumped(edited(MORE))).text)
    assert Counter(texts(result)) == Counter([*texts(mended), "One more question"])


def test_a_good_edition_after_a_bad_one_is_no_reason_to_guess() -> None:
    with pytest.raises(DoubtError, match="cell 2 is another one in the template, and what was given before cannot be"):
        merge("", dumped(SOLUTION), dumped(NEWS))


@pytest.mark.parametrize("end", ["\n", "\n\n\n", "  ", "\t\n \n", "\r"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_the_ends_of_lines_are_no_edit(line: str, end: str) -> None:
    def rewrite(cells: list[Cell]) -> None:
        for cell in cells:
            cell["source"] = cell["source"].replace("\n", line) + end

    template = edited(MORE, of=edited(set_in(2, source="rows = None\nprint(rows)"), of=edited(FIXED)))
    assert merge(dumped(BASE), dumped(edited(rewrite)), dumped(template)) == Merged(dumped(template))
    # The other way round there is nothing to bring, and the student's bytes stay.
    assert merge(dumped(BASE), dumped(edited(RUN)), dumped(edited(rewrite))) == Merged(dumped(edited(RUN)))


def test_an_indent_is_an_edit() -> None:
    student = edited(set_in(2, source="  rows = ...\nprint(rows)"))
    with pytest.raises(DoubtError, match="cell 3 was changed by the student and in the template"):
        merge(dumped(BASE), dumped(student), dumped(edited(set_in(2, source="rows = None"))))


# Of Jupyter, Colab, VS Code, Kaggle, Deepnote.
EDITORS = ["jp-MarkdownHeadingCollapsed", "execution", "executionInfo", "outputId", "ExecuteTime", "vscode"]
EDITORS += ["_uuid", "_cell_guid", "cell_id", "source_hash", "execution_start"]


@pytest.mark.parametrize("key", [*EDITORS, "papermill"])
def test_what_only_editors_write_is_not_told(key: str) -> None:
    base, student, template = (with_metadata(who, key, {"by": who}) for who in ("base", "student", "template"))
    template["cells"][0]["source"] = "x = 100"
    merged = merge(dumped(base), dumped(student), dumped(template))
    assert merged.notes == []
    assert [cell["metadata"][key] for cell in valid(merged.text)["cells"]] == [{"by": "student"}] * 5


def test_one_sentence_says_it_of_all_cells() -> None:
    base, student, template = (with_metadata(who, "tags", [who]) for who in ("base", "student", "template"))
    merged = merge(dumped(base), dumped(student), dumped(template))
    assert merged.notes == ["the metadata `tags` stays as the student has it in cells 1, 2, 3 and 2 more"]
    for cell in student["cells"]:
        cell.update(outputs=code("", "", "mine")["outputs"], execution_count=1)
    del template["cells"][1:]
    merged = merge(dumped(base), dumped(student), dumped(template))
    assert (
        merged.notes[-1] == "kept with the student's output, though no longer in the template: cells 2, 3, 4 and 1 more"
    )


def test_attachments_reach_a_notebook_of_a_time_before_them() -> None:
    base = {**without_ids(BASE), "nbformat_minor": 0}
    student = {**without_ids(SOLUTION), "nbformat_minor": 0}
    template = edited(
        set_in(1, attachments={"a.png": {"image/png": "AAAA"}}, source="![](attachment:a.png)"), of=without_ids(BASE)
    )
    result = valid(merge(dumped(base), dumped(student), dumped(template)).text)
    assert result["cells"][1]["attachments"] == {"a.png": {"image/png": "AAAA"}}
