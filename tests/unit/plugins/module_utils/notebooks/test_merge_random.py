"""The merge of random pairs of edits and of any text, and whether the checks see each fault there could be."""

from __future__ import annotations

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import merge as merge_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge import DoubtError, merge
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.notebook_edits import faults, random_pair
from tests.support.notebooks import Cell, Notebook, code, dumped, markdown, notebook, valid

if TYPE_CHECKING:
    from collections.abc import Callable

# A student's file may have an id twice. That is nbformat's to say, and the merge's to mend, if it writes at all.
pytestmark = pytest.mark.filterwarnings("ignore:Non-unique cell id")

PAIRS = 2000


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
    """The checks see every fault that the merge could have, with its own guard switched off."""
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
