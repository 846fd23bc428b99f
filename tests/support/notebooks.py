"""Notebooks as tests need them: a template, edits of it by students and instructors, and what is read of the result."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from collections.abc import Callable

Cell = dict[str, Any]
Notebook = dict[str, Any]


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


FIXED = set_in(1, source="How many rows has the table? Answer with a number.")
SOLVED = set_in(2, source="rows = len(table)\nprint(rows)")
RUN = set_in(2, outputs=code("", "", "150")["outputs"], execution_count=7)
MORE = insert(4, markdown("One more question", "more"))
NOTE = insert(3, markdown("Ask about this!", "note"))


def without_ids(of: Notebook) -> Notebook:
    result = copy.deepcopy(of)
    result["nbformat_minor"] = 4
    for cell in result["cells"]:
        del cell["id"]
    return result
