"""Random edits of one notebook on two sides, and what may be wrong with a merge of them."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from typing import Any

import nbformat

from tests.support.notebooks import Cell, Notebook, code, markdown, notebook, without_ids


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
