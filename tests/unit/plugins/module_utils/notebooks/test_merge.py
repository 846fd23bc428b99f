"""The merge of notebooks: what nbgitpuller promises, case by case."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import merge as merge_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge import (
    DoubtError,
    Merged,
    is_renamed,
    merge,
    outline,
)

from tests.support.notebooks import (
    ANSWER,
    BASE,
    END,
    FIXED,
    MORE,
    NOTE,
    RUN,
    SOLVED,
    TITLE,
    Cell,
    Notebook,
    code,
    dumped,
    edited,
    insert,
    markdown,
    notebook,
    set_in,
    texts,
    valid,
    without_ids,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# A student's file may have an id twice. That is nbformat's to say, and the merge's to mend, if it writes at all.
pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id")


def merged(student: Notebook, template: Notebook, base: Notebook = BASE) -> Notebook:
    """Merge, see that the result is valid and that a second merge, after a run that was cut off, changes nothing."""
    text = merge(dumped(base), dumped(student), dumped(template)).text
    again = merge(dumped(base), text, dumped(template)).text
    assert json.loads(again) == json.loads(text)
    return valid(text)


def doubt(student: Notebook, template: Notebook, base: Notebook = BASE) -> str:
    with pytest.raises(DoubtError) as caught:
        merge(dumped(base), dumped(student), dumped(template))
    return str(caught.value)


def test_an_edited_cell_and_a_change_elsewhere() -> None:
    result = merged(edited(SOLVED), edited(FIXED))
    assert texts(result) == [
        "# Arrays",
        "How many rows has the table? Answer with a number.",
        "rows = len(table)\nprint(rows)",
        "The end",
    ]


def test_outputs_stay_where_a_mistake_is_corrected() -> None:
    result = merged(edited(RUN), edited(set_in(2, source="rows = None\nprint(rows)")))
    cell = result["cells"][2]
    assert (cell["source"], cell["execution_count"]) == ("rows = None\nprint(rows)", 7)
    assert cell["outputs"][0]["text"] == "150"


def test_new_outputs_of_the_template_reach_cells_that_were_not_run() -> None:
    assert merged(edited(SOLVED), edited(set_in(2, outputs=code("", "", "0")["outputs"])))["cells"][2]["outputs"]
    template = edited(set_in(2, outputs=code("", "", "0")["outputs"]))
    assert merged(edited(RUN), template)["cells"][2]["outputs"][0]["text"] == "150"


@pytest.mark.parametrize(
    ("mine", "theirs", "reason"),
    [
        (SOLVED, set_in(2, source="rows = None"), "cell 3 was changed by the student and in the template"),
        (SOLVED, lambda cells: cells.pop(2), "the student changed cell 3, which is no longer in the template"),
        (lambda cells: cells.pop(1), FIXED, "the student deleted a cell that the template changed (How many rows"),
        (NOTE, insert(3, markdown("Read this!", "note")), "its cell 4 is new in the template too, with another text"),
        (RUN, set_in(2, source=5), "the template is not a valid notebook"),
        (
            lambda cells: cells.insert(0, cells.pop()),
            lambda cells: cells.insert(1, cells.pop(2)),
            "cells were moved by the student and in the template",
        ),
    ],
)
def test_what_is_not_for_us_to_decide(mine: Any, theirs: Any, reason: str) -> None:
    assert reason in doubt(edited(mine), edited(theirs))


def test_a_cell_that_becomes_another_kind() -> None:
    def to_text(cells: list[Cell]) -> None:
        cells[2] = markdown("Count them.", "answer")

    assert merged(edited(NOTE), edited(to_text))["cells"][2]["cell_type"] == "markdown"
    assert "has output of the student" in doubt(edited(RUN), edited(to_text))
    assert merged(edited(to_text), edited(MORE))["cells"][2]["cell_type"] == "markdown"


def test_cells_that_both_insert_at_one_place() -> None:
    result = merged(edited(NOTE), edited(insert(3, markdown("Second question", "second"))))
    assert texts(result)[2:] == ["rows = ...\nprint(rows)", "Ask about this!", "Second question", "The end"]
    result = merged(edited(insert(0, markdown("Mine", "m"))), edited(insert(0, markdown("Read first", "r"))))
    assert texts(result)[:3] == ["Mine", "Read first", "# Arrays"]


def test_a_cell_that_both_insert_comes_once() -> None:
    assert texts(merged(edited(MORE), edited(MORE))).count("One more question") == 1
    by_hand = insert(4, markdown("One more question", "another-id"))
    assert texts(merged(edited(by_hand), edited(MORE))).count("One more question") == 1


def test_an_empty_cell_of_the_student_stands_for_none_of_the_template() -> None:
    result = merged(edited(insert(4, code("", "mine"))), edited(insert(2, code("", "theirs"))))
    assert [cell["id"] for cell in result["cells"]] == ["title", "question", "theirs", "answer", "end", "mine"]


def test_cells_that_one_deleted() -> None:
    result = merged(edited(lambda cells: cells.pop(0)), edited(FIXED))
    assert [cell["id"] for cell in result["cells"]] == ["question", "answer", "end"]
    result = merged(edited(SOLVED), edited(lambda cells: cells.pop(0)))
    assert [cell["id"] for cell in result["cells"]] == ["question", "answer", "end"]
    behind_a_deleted_one = merged(edited(lambda cells: cells.pop(3)), edited(MORE))
    assert texts(behind_a_deleted_one)[-1] == "One more question"


def test_output_of_the_student_keeps_a_cell_that_the_template_dropped() -> None:
    base, student, template = BASE, edited(RUN), edited(lambda cells: cells.pop(2))
    result = merge(dumped(base), dumped(student), dumped(template))
    assert result == Merged(
        dumped(student), ["kept with the student's output, though no longer in the template: cell 3"]
    )


def test_cells_that_one_moved() -> None:
    last_first = edited(lambda cells: cells.insert(0, cells.pop()))
    assert texts(merged(last_first, edited(FIXED)))[0] == "The end"
    result = merged(edited(NOTE), last_first)
    assert [cell["id"] for cell in result["cells"]] == ["end", "title", "question", "answer", "note"]
    assert merged(last_first, last_first)["cells"] == last_first["cells"]


def test_metadata_of_the_notebook_is_named_and_of_a_cell_merged() -> None:
    template = edited(set_in(2, metadata={"tags": ["exam"], "editable": True}))
    template["metadata"]["kernelspec"] = {"name": "conda", "display_name": "Conda"}
    student = edited(set_in(2, metadata={"collapsed": True}, source="mine"))
    result = merge(dumped(BASE), dumped(student), dumped(template))
    assert result.notes == ["its metadata `kernelspec` stays as it was, though the template changed it"]
    answer = valid(result.text)
    assert answer["metadata"] == BASE["metadata"]
    assert answer["cells"][2]["metadata"] == {"collapsed": True, "tags": ["exam"], "editable": True}
    student = edited(set_in(2, metadata={"tags": ["hard"]}))
    result = merge(dumped(BASE), dumped(student), dumped(edited(set_in(2, metadata={"tags": ["exam"]}))))
    assert result == Merged(dumped(student), ["the metadata `tags` stays as the student has it in cell 3"])


def test_a_notebook_that_was_only_opened_and_saved_becomes_the_template() -> None:
    template = edited(FIXED)
    template["metadata"]["kernelspec"] = {"name": "conda", "display_name": "Conda"}
    saved = json.dumps(BASE, indent=4) + "\n"
    assert merge(dumped(BASE), saved, dumped(template)) == Merged(dumped(template))


def test_attachments() -> None:
    def attach(name: str, value: str) -> Callable[[list[Cell]], object]:
        return lambda cells: cells[1].setdefault("attachments", {}).update({name: {"image/png": value}})

    result = merged(edited(attach("mine.png", "AAAA")), edited(attach("theirs.png", "BBBB")))
    assert sorted(result["cells"][1]["attachments"]) == ["mine.png", "theirs.png"]
    assert "an attachment of cell 2" in doubt(edited(attach("a.png", "AAAA")), edited(attach("a.png", "BBBB")))


def test_two_versions_later() -> None:
    second = edited(FIXED)
    third = edited(MORE, of=second)
    assert texts(merged(edited(SOLVED), third))[1].startswith("How many rows has the table? Answer with")
    assert texts(merged(edited(SOLVED), third))[4:] == ["One more question"]


def with_other_ids(of: Notebook) -> Notebook:
    result = copy.deepcopy(of)
    for place, cell in enumerate(result["cells"]):
        cell["id"] = f"new-{place}"
    return result


@pytest.mark.parametrize("of_base", [copy.deepcopy, without_ids])
@pytest.mark.parametrize("of_student", [copy.deepcopy, without_ids, with_other_ids])
@pytest.mark.parametrize("of_template", [copy.deepcopy, without_ids, with_other_ids])
def test_ids_come_and_go_with_the_format(of_base: Any, of_student: Any, of_template: Any) -> None:
    """JupyterLab brings a notebook to the newest 4.x when it saves, and some tools number cells anew."""
    student = of_student(edited(SOLVED))
    result = merged(student, of_template(edited(MORE, of=edited(FIXED))), of_base(BASE))
    assert texts(result)[1].startswith("How many rows has the table? Answer with")
    assert texts(result)[2:] == ["rows = len(table)\nprint(rows)", "The end", "One more question"]
    assert result["nbformat_minor"] == student["nbformat_minor"]


def test_ids_that_wander_do_not_mislead() -> None:
    def numbered(of: Notebook) -> Notebook:
        return {**of, "cells": [{**cell, "id": str(place)} for place, cell in enumerate(of["cells"])]}

    template = numbered(edited(insert(0, markdown("Read this first", "x")), of=edited(FIXED)))
    result = merged(numbered(edited(SOLVED)), template, numbered(BASE))
    assert texts(result)[:2] == ["Read this first", "# Arrays"]
    assert texts(result)[3] == "rows = len(table)\nprint(rows)"


def test_an_empty_cell_that_the_student_filled_is_found_by_its_id() -> None:
    base = edited(set_in(2, source=""))
    student = edited(insert(4, code("", "scratch")), of=edited(SOLVED))
    template = edited(set_in(2, source="# your answer"), of=base)
    assert "cell 3 was changed by the student" in doubt(student, template, base)


def test_ids_that_occur_twice_or_not_at_all_in_the_students_file() -> None:
    student = edited(lambda cells: cells.append(copy.deepcopy(cells[2])), of=edited(SOLVED))
    del student["cells"][0]["id"]
    result = merged(student, edited(MORE))
    assert Counter(texts(result)) == Counter(texts(student)) + Counter(["One more question"])
    assert [cell["id"] for cell in result["cells"]][1:3] == ["question", "answer"]


def test_a_new_cell_gets_another_id_if_the_student_uses_its_own() -> None:
    student = edited(lambda cells: cells[3].update(id="more"))
    result = merged(student, edited(MORE))
    assert texts(result) == [*texts(student), "One more question"]
    assert result["cells"][3]["id"] == "more"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ('{"cells": [', "it is not a notebook that can be read"),
        ("\ufeff" + dumped(BASE), "it is not a notebook that can be read"),
        ("[]", "it is not a notebook that can be read"),
        ("[" * 100_000, "it is not a notebook that can be read"),
        (dumped({**BASE, "cells": [1]}), "it is not a notebook that can be read"),
        (dumped({**BASE, "cells": [{"cell_type": "code"}]}), "it is not a notebook that can be read"),
        (dumped(edited(set_in(2, source=5))), "it is not a valid notebook"),
        (dumped({**BASE, "cells": None}), "it is not a notebook that can be read"),
        (dumped({**BASE, "nbformat": 5}), "it is not a notebook that can be read"),
        (dumped({"cells": []}), "it is in notebook format None"),
        (dumped(edited(set_in(2, source="half a character: \ud800"))), "cannot be written as UTF-8"),
    ],
)
def test_a_file_that_is_no_notebook(text: str, reason: str) -> None:
    with pytest.raises(DoubtError, match=reason):
        merge(dumped(BASE), text, dumped(edited(MORE)))


def test_a_template_that_is_no_notebook_is_said_to_be_the_one() -> None:
    with pytest.raises(DoubtError, match="the template is empty"):
        merge(dumped(BASE), dumped(edited(SOLVED)), "")


def test_text_stays_byte_for_byte() -> None:
    odd = "a\r\nb\rc\x0bd\x0ce\x1cf\x85g\u2028h\u2029i\t\x00 \U0001f600 \\n 'ü' \x1b[31m\n\n"
    student = edited(set_in(2, source=odd, outputs=code("", "", odd)["outputs"], execution_count=1))
    student["cells"][2]["outputs"].append(
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/plain": odd, "application/json": {"a": [odd, 0.1]}},
        }
    )
    result = merged(student, edited(FIXED))
    assert result["cells"][2] == student["cells"][2]


def test_fifty_megabytes_of_output() -> None:
    student = edited(RUN)
    student["cells"][2]["outputs"][0]["text"] = "x" * (50 << 20)
    result = valid(merge(dumped(BASE), dumped(student), dumped(edited(FIXED))).text)
    assert result["cells"][2]["outputs"] == student["cells"][2]["outputs"]
    assert texts(result)[1].endswith("Answer with a number.")


def test_as_a_program_it_needs_nothing_of_this_project() -> None:
    question = {"base": dumped(BASE), "student": dumped(edited(SOLVED)), "template": dumped(edited(FIXED))}

    def ask(question: dict[str, str]) -> Any:
        program = [sys.executable, "-I", merge_module.__file__]
        return json.loads(
            subprocess.run(program, input=json.dumps(question), text=True, check=True, capture_output=True).stdout
        )

    said = ask(question)
    assert texts(valid(said["text"]))[2] == "rows = len(table)\nprint(rows)"
    before, after = said["diff"]
    assert "Answer wiht a number" in before
    assert "Answer with a number" in after
    assert ask({**question, "student": ""}) == {"doubt": "it is empty"}


def test_an_outline_is_what_a_person_reads() -> None:
    assert outline(dumped(notebook(TITLE, ANSWER))) == (
        "── 1: markdown ──\n# Arrays\n── 2: code ──\nrows = ...\nprint(rows)\n"
    )
    assert outline("plain\n") == "plain\n\n"
    assert len(outline("x" * 1_000_000)) == merge_module.SHOWN + 1


def test_a_renamed_template_is_known_by_its_cells() -> None:
    old = dumped(BASE).encode()
    assert is_renamed(b"print(1)", b"print(1)")
    assert not is_renamed(b"print(1)", b"print(2)")
    assert is_renamed(old, dumped(edited(MORE, of=edited(FIXED))).encode())
    assert not is_renamed(old, dumped(notebook(TITLE, markdown("Else", "e"), markdown("Other", "o"))).encode())
    assert not is_renamed(dumped(notebook()).encode(), dumped(notebook(END)).encode())
