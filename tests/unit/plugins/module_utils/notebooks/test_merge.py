"""The merge of notebooks: what nbgitpuller promises, case by case, and thousands of random pairs of edits."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import merge as merge_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge import (
    DoubtError,
    Merged,
    is_renamed,
    merge,
    outline,
)
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

Cell = dict[str, Any]
Notebook = dict[str, Any]

# A student's file may have an id twice. That is nbformat's to say, and the merge's to mend, if it writes at all.
pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id")

PAIRS = 2000


def code(source: str, name: str, output: str = "") -> Cell:
    """Return a code cell; one with output has been run."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": output}] if output else []
    count = 1 if output else None
    cell = {"cell_type": "code", "id": name, "metadata": {}, "source": source}
    return {**cell, "outputs": outputs, "execution_count": count}


def markdown(source: str, name: str) -> Cell:
    """Return a cell of text."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def notebook(*cells: Cell, **metadata: Any) -> Notebook:
    """Return a notebook of format 4.5 with copies of `cells`."""
    return {"cells": copy.deepcopy(list(cells)), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def dumped(cells: Notebook) -> str:
    return json.dumps(cells)


TITLE = markdown("# Arrays", "title")
QUESTION = markdown("How many rows has the table? Answer wiht a number.", "question")
ANSWER = code("rows = ...\nprint(rows)", "answer")
END = markdown("The end", "end")
BASE = notebook(TITLE, QUESTION, ANSWER, END, kernelspec={"name": "python3", "display_name": "Python 3"})


def edited(change: Callable[[list[Cell]], object], of: Notebook = BASE) -> Notebook:
    """Return a copy of a notebook whose list of cells `change` has changed."""
    result = copy.deepcopy(of)
    change(result["cells"])
    return result


def set_in(place: int, **values: Any) -> Callable[[list[Cell]], object]:
    return lambda cells: cells[place].update(values)


def insert(place: int, cell: Cell) -> Callable[[list[Cell]], object]:
    return lambda cells: cells.insert(place, copy.deepcopy(cell))


def merged(student: Notebook, template: Notebook, base: Notebook = BASE) -> Notebook:
    """Merge, see that the result is valid and that a second merge, after a run that was cut off, changes nothing."""
    text = merge(dumped(base), dumped(student), dumped(template)).text
    again = merge(dumped(base), text, dumped(template)).text
    assert json.loads(again) == json.loads(text)
    return valid(text)


def valid(text: str) -> Notebook:
    """Return the notebook in `text`, which has unique ids and passes nbformat."""
    result: Notebook = nbformat.reader.reads(text)
    ids = [cell.get("id") for cell in result["cells"]]
    if result["nbformat_minor"] >= 5:
        assert None not in ids
        assert len(set(ids)) == len(ids)
    nbformat.validate(result)
    return result


def texts(of: Notebook) -> list[str]:
    return [cell["source"] for cell in of["cells"]]


def doubt(student: Notebook, template: Notebook, base: Notebook = BASE) -> str:
    with pytest.raises(DoubtError) as caught:
        merge(dumped(base), dumped(student), dumped(template))
    return str(caught.value)


FIXED = set_in(1, source="How many rows has the table? Answer with a number.")
SOLVED = set_in(2, source="rows = len(table)\nprint(rows)")
RUN = set_in(2, outputs=code("", "", "150")["outputs"], execution_count=7)
MORE = insert(4, markdown("One more question", "more"))
NOTE = insert(3, markdown("Ask about this!", "note"))


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
        (RUN, set_in(2, **markdown("Count them.", "answer"), outputs=None), "the template is not a valid notebook"),
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
    assert result == Merged(dumped(student), ["its cell 3, which is no longer in the template, stays with its output"])


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
    assert result == Merged(dumped(student), ["the metadata `tags` of its cell 3 stays as the student has it"])


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


def without_ids(of: Notebook) -> Notebook:
    result = copy.deepcopy(of)
    result["nbformat_minor"] = 4
    for cell in result["cells"]:
        del cell["id"]
    return result


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
        (dumped({"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": []}), "it is in notebook format 3"),
        (dumped(edited(set_in(2, source="half a character: \ud800"))), "cannot be written as UTF-8"),
    ],
)
def test_a_file_that_is_no_notebook(text: str, reason: str) -> None:
    with pytest.raises(DoubtError, match=reason):
        merge(dumped(BASE), text, dumped(edited(MORE)))


def test_a_template_that_is_no_notebook_is_said_to_be_the_one() -> None:
    with pytest.raises(DoubtError, match="the template is empty"):
        merge(dumped(BASE), dumped(edited(SOLVED)), "")
    with pytest.raises(DoubtError, match="what was given before is not a notebook"):
        merge("x", dumped(edited(SOLVED)), dumped(BASE))


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


# ── Random pairs of edits ────────────────────────────────────────────────────────────────────────────────────────────


def random_base(dice: random.Random) -> Notebook:
    """Return a template as instructors write them: with ids, with numbers for ids, or of a time before ids."""
    cells = []
    for place in range(dice.randint(1, 8)):
        source = dice.choice(["", f"Exercise {place}\nRead it twice.\n", f"x{place} = load()\nx{place}.plot()\n"])
        kind = dice.choice([code, markdown])
        cells.append(kind(source, f"base-{place}"))
        if kind is code and dice.random() < 0.3:
            cells[-1].update(code("", "", f"shipped {place}"), source=source, id=f"base-{place}")
    result = notebook(*cells, kernelspec={"name": "python3", "display_name": "Python 3"})
    how = dice.random()
    if how < 0.2:
        return without_ids(result)
    if how < 0.3:
        return {**result, "cells": [{**cell, "id": str(place)} for place, cell in enumerate(result["cells"])]}
    return result


def edit(of: Notebook, dice: random.Random, who: str, most: int) -> Notebook:
    """Return a copy of a notebook after some edits by `who`, of which each leaves a word of its own."""
    result = copy.deepcopy(of)
    cells = result["cells"]
    for step in range(dice.randint(0, most)):
        word = f"{who}{step}"
        place = dice.randrange(len(cells)) if cells else 0
        cell = cells[place] if cells else None
        how = dice.choices(
            ["rewrite", "insert", "delete", "move", "copy", "run", "attach", "tag", "kernel", "kind", "ids", "same"],
            [30, 20, 12, 8, 6, 14, 4, 6, 2, 2, 3, 3],
        )[0]
        if how == "insert" or cell is None:
            name = f"{who}-{dice.randrange(10**6)}" if dice.random() < 0.9 else "collision"
            cells.insert(place, dice.choice([code, markdown])(f"{word} is new\nof {who}\n", name))
        elif how == "rewrite":
            lines = cell["source"].splitlines(keepends=True) or [""]
            lines[dice.randrange(len(lines))] = f"{word} edits\n"
            cell["source"] = "".join(lines)
        elif how == "delete":
            del cells[place]
        elif how == "move":
            result["metadata"].setdefault("moves", who)
            cells.insert(dice.randrange(len(cells)), cells.pop(place))
        elif how == "copy":
            cells.insert(place, copy.deepcopy(cell))
        elif how == "run" and cell["cell_type"] == "code":
            cell.update(outputs=code("", "", f"{word} {dice.random()}")["outputs"], execution_count=step)
        elif how == "attach" and cell["cell_type"] == "markdown":
            cell.setdefault("attachments", {})[dice.choice(["a.png", "b.png"])] = {"image/png": word}
        elif how == "tag":
            cell["metadata"].update(dice.choice([{"tags": [word]}, {"name": word}]))
        elif how == "kernel":
            result["metadata"]["kernelspec"] = {"name": word, "display_name": word}
        elif how == "kind" and cell["cell_type"] == "code":
            cells[place] = {**markdown(f"{word} text", ""), **({"id": cell["id"]} if "id" in cell else {})}
        elif how == "ids" and result["nbformat_minor"] == 5:
            result["nbformat_minor"] = 4
        elif how == "ids":
            result["nbformat_minor"] = 5
        elif how == "same":
            cells.append(code("both wrote this", f"{who}-both"))
    seen = set()
    for place, cell in enumerate(cells):
        if result["nbformat_minor"] == 4:
            cell.pop("id", None)
        elif "id" not in cell or (who == "T" and cell["id"] in seen):  # a student's file may have an id twice
            cell["id"] = f"{who}-late-{place}"
        seen.add(cell.get("id"))
    return result


def content(cell: Cell) -> tuple[str, str]:
    return (cell["cell_type"], cell["source"])


def shown(cell: Cell) -> str:
    return json.dumps([cell.get("outputs"), cell.get("attachments")], sort_keys=True)


def is_subsequence(part: list[Any], whole: list[Any]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)


def faults(base: Notebook, student: Notebook, template: Notebook, result: Notebook) -> list[str]:
    """Return what is wrong with a merge, found without any of its code, nor by ids: edits copy them."""
    found = []
    given = {content(cell) for cell in base["cells"]}
    own = [cell for cell in student["cells"] if content(cell) not in given]
    there = [(content(cell), shown(cell)) for cell in result["cells"]]
    need = Counter(content(cell) for cell in student["cells"]) - Counter(content(cell) for cell in base["cells"])
    if need - Counter(content(cell) for cell in result["cells"]):
        found.append("a cell of the student is lost")
    in_order = is_subsequence([content(cell) for cell in own], [cell for cell, _ in there])
    if not in_order and "moves" not in template["metadata"]:
        found.append("cells of the student are in another order")
    marks = [word for cell in student["cells"] for word in own_marks(cell)]
    if Counter(marks) - Counter(word for cell in result["cells"] for word in own_marks(cell)):
        found.append("an output or attachment of the student is lost")
    for cell in own:
        ran = [output["text"] for output in cell.get("outputs", []) if output["text"].startswith("S")]
        if ran and not any(c == content(cell) and all(text in s for text in ran) for c, s in there):
            found.append("an output of the student is at another cell")
    if result["metadata"] != student["metadata"] != base["metadata"]:
        found.append("metadata of the student is lost")
    named = Counter(value for cell in student["cells"] for value in names(cell))
    if named - Counter(value for cell in result["cells"] for value in names(cell)):
        found.append("metadata of a cell of the student is lost")
    news = {
        content(cell) for cell in template["cells"] if cell["source"].startswith("T") and "is new" in cell["source"]
    }
    if news - {content(cell) for cell in result["cells"]}:
        found.append("a new cell of the template is missing")
    sides = Counter(map(content, student["cells"])) + Counter(map(content, template["cells"]))
    if Counter(map(content, result["cells"])) - sides:
        found.append("a cell is in the merge that nobody wrote, or too often")
    ids = [cell.get("id") for cell in result["cells"]]
    if result != student and result["nbformat_minor"] >= 5 and (None in ids or len(set(ids)) != len(ids)):
        found.append("ids are not unique")
    try:
        nbformat.validate(copy.deepcopy(result))
    except nbformat.ValidationError:
        found.append("invalid")
    return found


def own_marks(cell: Cell) -> list[str]:
    """Return what the student's running and attaching left in a cell."""
    texts = [output["text"] for output in cell.get("outputs", [])]
    texts += [value["image/png"] for value in cell.get("attachments", {}).values()]
    return [text for text in texts if text.startswith("S")]


def names(cell: Cell) -> list[str]:
    """Return the student's metadata of a cell that has text or output of the student's too: else it may go."""
    name = json.dumps(cell["metadata"].get("name", ""))
    kept = cell["source"].startswith("S") and "is new" in cell["source"]
    return [name] if kept and "S" in name else []


def random_pair(seed: int) -> tuple[Notebook, Notebook, Notebook]:
    dice = random.Random(seed)  # noqa: S311 - dice, not secrets
    base = random_base(dice)
    most = dice.choice([2, 6])
    return base, edit(base, dice, "S", most), edit(base, dice, "T", most)


def fuzz(seeds: range) -> Counter[str]:
    """Merge a random pair for each seed; count what came of it. Faults are all that is not `merged` or `doubt`."""
    found: Counter[str] = Counter()
    for seed in seeds:
        base, student, template = random_pair(seed)
        try:
            text = merge(dumped(base), dumped(student), dumped(template)).text
        except DoubtError:
            found["doubt"] += 1
            continue
        result = nbformat.reader.reads(text)
        found.update(["merged", *faults(base, student, template, result)])
        if merge(dumped(base), dumped(student), dumped(template)).text != text:
            found["the same edits gave another merge"] += 1
        # A run that is cut off before it could remember is done again, with the result in the student's place.
        try:
            again = nbformat.reader.reads(merge(dumped(base), text, dumped(template)).text)
        except DoubtError:
            continue
        found.update([f"at second sight, {fault}" for fault in faults(base, result, template, again)])
        found["merged once for ever"] += again == result
    return found


def test_two_thousand_random_pairs() -> None:
    found = fuzz(range(PAIRS))
    assert set(found) == {"merged", "doubt", "merged once for ever"}
    assert found["merged"] > 0.8 * PAIRS
    assert found["merged once for ever"] > 0.9 * found["merged"]


def always(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def forget_students_cells(self: Any, kept: dict[int, Any], new: dict[int, Any]) -> Any:
    return WEAVE(self, {s: cell for s, cell in kept.items() if s in self._pairs}, new)


def forget_new_cells(self: Any, kept: dict[int, Any], _: dict[int, Any]) -> Any:
    return WEAVE(self, kept, {})


def reverse(self: Any, kept: dict[int, Any], new: dict[int, Any]) -> Any:
    return WEAVE(self, kept, new)[::-1]


def template_wins(self: Any, s: int) -> Any:
    return copy.deepcopy(self._template[self._pairs[s]] if s in self._pairs else self._student[s])


def drop_what_the_template_dropped(self: Any, s: int) -> Any:
    return None if s in self._given and s not in self._pairs else MERGE_CELL(self, s)


def join(self: Any, s: int) -> Any:
    """Merge two edits of one cell by lines, as other tools do."""
    cell = copy.deepcopy(self._student[s])
    if s in self._given and s in self._pairs:
        cell["source"] += self._template[self._pairs[s]]["source"]
    return cell


def without_output(self: Any, s: int) -> Any:
    cell = MERGE_CELL(self, s)
    if cell is not None and cell["cell_type"] == "code":
        cell["outputs"] = []
    return cell


def swap_outputs(self: Any, kept: dict[int, Any], new: dict[int, Any]) -> Any:
    cells = WEAVE(self, kept, new)
    ran = [cell for cell in cells if cell.get("outputs")]
    for cell, outputs in zip(ran, [cell["outputs"] for cell in reversed(ran)], strict=True):
        cell["outputs"] = outputs
    return cells


def template_keys(_: Any, student: Any, template: Any) -> Any:
    return {**student, **template} if template else {}, []


WEAVE, MERGE_CELL = merge_module._Merge._weave, merge_module._Merge._merge_cell
MUTANTS: dict[str, tuple[str, Any]] = {
    "the student's own cells are forgotten": ("_Merge._weave", forget_students_cells),
    "the template's new cells are forgotten": ("_Merge._weave", forget_new_cells),
    "everything is upside down": ("_Merge._weave", reverse),
    "outputs change places": ("_Merge._weave", swap_outputs),
    "the template wins": ("_Merge._merge_cell", template_wins),
    "deletions of the template win": ("_Merge._merge_cell", drop_what_the_template_dropped),
    "outputs are cleared": ("_Merge._merge_cell", without_output),
    "edits of one cell are joined": ("_Merge._merge_cell", join),
    "no output is the student's own": ("_has_own", always(False)),
    "every cell has the same text": ("_content", always(("code", ""))),
    "keys of the template win": ("merge_keys", template_keys),
    "ids are left as they are": ("give_ids", always(None)),
}


def mutate(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path, mutant = MUTANTS[name]
    owner, _, attribute = path.rpartition(".")
    monkeypatch.setattr(getattr(merge_module, owner) if owner else merge_module, attribute, mutant)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_merge_that_loses_something_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of this file see every fault that the merge could have, with its own guard switched off."""
    monkeypatch.setattr(merge_module, "lost", always([]))
    monkeypatch.setattr(merge_module, "has_unique_ids", always(True))
    mutate(monkeypatch, name)
    assert set(fuzz(range(150))) - {"merged", "doubt", "merged once for ever"}


@pytest.mark.parametrize("name", [name for name, (path, _) in MUTANTS.items() if path.startswith("_Merge.")])
def test_the_guard_lets_no_loss_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the merge would have lost by a mistake of ours is a doubt instead: the student's file stays."""
    mutate(monkeypatch, name)
    assert not [fault for fault in fuzz(range(150)) if "is lost" in fault or "unique" in fault]


words = st.text(st.characters(codec="utf-8"), max_size=12)
cells = st.builds(
    lambda make, source, name: make(source, name), st.sampled_from([code, markdown]), words, st.uuids().map(str)
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.lists(cells, max_size=5), st.data())
def test_whatever_is_typed_stays(base_cells: list[Cell], data: st.DataObject) -> None:
    """Any characters, in any number of new and rewritten cells, on both sides."""

    def side() -> Notebook:
        result = notebook(*base_cells)
        for cell in result["cells"]:
            cell["source"] = data.draw(st.just(cell["source"]) | words)
        for new in data.draw(st.lists(cells, max_size=3)):
            result["cells"].insert(data.draw(st.integers(0, len(result["cells"]))), new)
        return result

    base, student, template = notebook(*base_cells), side(), side()
    try:
        text = merge(dumped(base), dumped(student), dumped(template)).text
    except DoubtError:
        return
    assert not faults(base, student, template, valid(text))
