"""A student's notebook and a new edition of its template become one: three-way, by whole cells.

The base is what the student was given last. Whatever the student wrote wins; what cannot be decided without a person
raises DoubtError, and then the student's file stays as it is. A merge that is returned was read back, has unique ids,
was searched for everything that the student had, and nothing in it is invalid but what came so from one of the two:
Jupyter opens much that the format's schema forbids, and so it is merged.

This file also runs on its own, as a program (see `main`), in the Python of the students' environment: that one has
nbformat. The machine's own Python has not, so nbformat is imported where it is used, and nothing of this project is.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import re
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

# What JSON and nbformat raise at texts that are no notebook: `[]`, cells that are numbers, a million brackets.
NO_NOTEBOOK = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
# Two cells in the same position are taken for one that was rewritten if so much of their text is alike.
ALIKE = 0.6
# An old and a new template are taken for one that was renamed if so much of their cells is the same.
RENAMED = 0.5
# More of a notebook than this is not shown in a diff, nor compared for likeness, in characters.
SHOWN = 100_000
COMPARED = 4_000

NOTHING = object()

# What editors write without being asked, at every run or save: of no use to a person who must decide.
EDITORS_KEYS = frozenset(
    [
        *("_cell_guid", "_uuid", "kaggle"),
        *("azdata_cell_guid", "datalore", "interpreter", "is_executing", "jp-MarkdownHeadingCollapsed", "nteract"),
        *("cell_id", "deepnote", "deepnote_cell_type", "deepnote_notebook_id", "deepnote_to_be_reexecuted"),
        *("execution_millis", "execution_start", "source_hash"),  # of Deepnote, too
        "ExecuteTime",
        "colab",
        "colab_type",
        "collapsed",
        "execution",
        "executionInfo",
        "gather",
        "heading_collapsed",
        "hidden",
        "id",
        "language_info",
        "outputId",
        "papermill",
        "pycharm",
        "scrolled",
        "toc",
        "toc-autonumbering",
        "varInspector",
        "vscode",
        "widgets",
    ]
)
# What the format demands in an output and Jupyter does without, by the kind of output.
DEFAULTS: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout", "text": ""},
    "display_data": {"data": {}, "metadata": {}},
    "execute_result": {"data": {}, "metadata": {}, "execution_count": None},
    "error": {"ename": "", "evalue": "", "traceback": []},
}
ID = re.compile("[a-zA-Z0-9_-]{1,64}")


class DoubtError(Exception):
    """Why a person must decide, in words for the instructor."""


@dataclass(frozen=True)
class Merged:
    """A merge that is safe to install."""

    text: str
    notes: list[str] = field(default_factory=list)
    """What of the template was not taken over, in words for the instructor."""


def merge(base: str, student: str, template: str) -> Merged:
    """Return `student` with what changed from `base` to `template`; raise DoubtError if that is not for us to decide.

    All three are the texts of notebooks. Where nothing is to be changed, the student's very text is returned.
    """
    own, new = read(student), read(template, "the template")
    try:
        given = read(base.removeprefix("\ufeff"), "what was given before")
    except DoubtError:  # such as one with the marks of a conflict: a good edition must get past it
        given = _common(own, new)
    if _same(own, given):  # opened and saved, no more: as good as untouched
        return Merged(template)
    work = _Merge(given["cells"], own["cells"], new["cells"])
    merged = copy.deepcopy(own)
    merged["cells"] = work.run()
    notes = [
        f"its metadata `{key}` stays as it was, though the template changed it"
        for key in sorted({*given["metadata"], *new["metadata"]})
        if key not in EDITORS_KEYS
        and new["metadata"].get(key) not in (given["metadata"].get(key), own["metadata"].get(key))
    ]
    notes += work.notes()
    if merged["cells"] == own["cells"]:
        return Merged(student, notes)
    if own["nbformat_minor"] < 5:  # its new cells may need what an older one forbids, such as attachments
        merged["nbformat_minor"] = max(own["nbformat_minor"], min(new["nbformat_minor"], 4))
    give_ids(work.claims, wanted=merged["nbformat_minor"] >= 5)
    return Merged(write(merged, given, own, new), notes)


def read(text: str, what: str = "it") -> Any:
    """Return the notebook in `text` in format 4; raise DoubtError, about `what`, if Jupyter would not open it.

    What the schema demands and Jupyter does without is filled in. Ids stay as they are, if they are texts.
    """
    import nbformat.reader

    if not text.strip():
        raise DoubtError(f"{what} is empty")
    try:
        notebook = nbformat.reader.reads(text)
        if notebook.get("nbformat") in (2, 3):
            notebook = _brought_to_4(notebook)
    except (*NO_NOTEBOOK, nbformat.ValidationError):
        raise DoubtError(f"{what} is not a notebook that can be read") from None
    if notebook.get("nbformat") != 4:
        raise DoubtError(f"{what} is in notebook format {notebook.get('nbformat')}, not 4")
    notebook["nbformat"] = 4  # not 4.0, which is the same to Jupyter
    try:
        _fill_in(notebook)
    except NO_NOTEBOOK:
        raise DoubtError(f"{what} is not a valid notebook") from None
    return notebook


def _brought_to_4(notebook: Any) -> Any:
    """Return a notebook of an older format as Jupyter opens it, but without ids, which it draws by lot."""
    import nbformat
    from nbformat.v4.rwbase import strip_transient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = strip_transient(nbformat.convert(notebook, 4))
    for cell in converted["cells"]:
        cell.pop("id", None)
    converted["nbformat_minor"] = 4
    return converted


def _fill_in(notebook: Any) -> None:
    """Fill in what Jupyter does without; raise one of NO_NOTEBOOK where cells are not what the merge takes them for."""
    cells = notebook["cells"]
    _demand(notebook["metadata"], dict)
    _demand(cells, list)
    for cell in cells:
        cell.setdefault("source", "")
        for key, kind in (("cell_type", str), ("source", str), ("metadata", dict)):
            _demand(cell[key], kind)
        if not isinstance(cell.get("id", ""), str):
            del cell["id"]
        if cell["cell_type"] == "code":
            cell.setdefault("execution_count", None)
            cell.setdefault("outputs", [])
            for output in cell["outputs"]:
                for key, value in DEFAULTS.get(output["output_type"], {}).items():
                    output.setdefault(key, copy.deepcopy(value))
        for key in ("outputs", "execution_count") if cell["cell_type"] != "code" else ():
            if not cell.get(key):  # left from when it was code
                cell.pop(key, None)
        _demand(cell.get("attachments", {}), dict)
    if not isinstance(notebook.get("nbformat_minor"), int):
        notebook["nbformat_minor"] = 5 if any("id" in cell for cell in cells) else 4


def _demand(value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(value)


def write(merged: Any, base: Any, student: Any, template: Any) -> str:
    """Return the text of `merged`; raise DoubtError if that text lacks anything of `student`, or is newly invalid."""
    import nbformat

    if (found := _faults(merged)) and found - _faults(student) - _faults(template):
        raise DoubtError("the merged notebook is not a valid notebook")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = str(nbformat.writes(merged)) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which JSON can say and UTF-8 cannot
        raise DoubtError("it holds text that cannot be written as UTF-8") from None
    again = read(text, "the merged notebook")
    if not has_unique_ids(again):
        raise DoubtError("the merged notebook would have had two cells of one id")
    if missing := lost(base, student, again):
        raise DoubtError(f"the merged notebook would have lost {missing[0]}")
    return text


def _faults(notebook: Any) -> set[tuple[str, str]]:
    """Return what the schema has against a notebook: the kind of cell (empty for the notebook) and the message.

    Ids are looked at elsewhere.
    """
    from nbformat import validator

    version = {"version": 4, "version_minor": notebook["nbformat_minor"]}
    rest = validator.iter_validate({**notebook, "cells": []}, **version)
    found = {("", str(error.message)) for error in rest}
    for cell in notebook["cells"]:
        kind = cell["cell_type"]
        if kind not in ("code", "markdown", "raw"):
            found.add((kind, "unknown"))
            continue
        named = {key: value for key, value in cell.items() if key != "id"}
        if notebook["nbformat_minor"] >= 5:
            named["id"] = "any"
        found |= {(kind, str(error.message)) for error in validator.iter_validate(named, f"{kind}_cell", **version)}
    return found


def has_unique_ids(notebook: Any) -> bool:
    """Say whether every cell has an id of its own, which the format asks for from 4.5 on; nbformat does not look."""
    if notebook["nbformat_minor"] < 5:
        return True
    ids = [cell.get("id") for cell in notebook["cells"]]
    return None not in ids and len(set(ids)) == len(ids)


def lost(base: Any, student: Any, merged: Any) -> list[str]:
    """Return, in words, what of the student's own (cells, outputs, attachments, metadata) `merged` has not."""
    missing = []
    for cells, what in ((_contents, "a cell"), (_outputs, "an output"), (_attachments, "an attachment")):
        if cells(student) - cells(base) - cells(merged):
            missing.append(f"{what} of the student")
    if student["metadata"] != merged["metadata"]:
        missing.append("metadata of the student")
    return missing


def _contents(notebook: Any) -> Counter[Any]:
    return Counter(map(_content, notebook["cells"]))


def _outputs(notebook: Any) -> Counter[Any]:
    return Counter(json.dumps(cell["outputs"], sort_keys=True) for cell in notebook["cells"] if cell.get("outputs"))


def _attachments(notebook: Any) -> Counter[Any]:
    return Counter(
        json.dumps([name, attachment], sort_keys=True)
        for cell in notebook["cells"]
        for name, attachment in cell.get("attachments", {}).items()
    )


def _same(own: Any, given: Any) -> bool:
    """Say whether two notebooks are the same but for the ends of their lines and cells."""
    one, other = (
        {**each, "cells": [{**cell, "source": _text(cell)} for cell in each["cells"]]} for each in (own, given)
    )
    return bool(one == other)


def _common(own: Any, new: Any) -> Any:
    """Return what stands in for a base that cannot be read: the cells that student and template have both.

    Raise DoubtError if cells of the two are one that was changed: by whom cannot be told.
    """
    pairs = align(new["cells"], own["cells"])
    for t, s in pairs.items():
        if _content(new["cells"][t]) != _content(own["cells"][s]):
            raise DoubtError(f"cell {s + 1} is another one in the template, and what was given before cannot be read")
    return {**new, "cells": [new["cells"][t] for t in sorted(pairs)]}


class _Merge:
    """Three lists of cells becoming one. Cells are named by their position: i in base, s in student, t in template."""

    def __init__(self, base: list[Any], student: list[Any], template: list[Any]) -> None:
        self._noted: dict[str, list[int]] = {}
        self.claims: list[Any] = []
        """The merged cells in the order in which they may claim an id: first the student's, which keep theirs."""
        self._base, self._student, self._template = base, student, template
        self._in_student, self._in_template = align(base, student), align(base, template)
        self._given = {s: i for i, s in self._in_student.items()}
        self._known = {t: i for i, t in self._in_template.items()}
        # Cells of the student that are in the template too.
        self._pairs = {s: self._in_template[i] for i, s in self._in_student.items() if i in self._in_template}
        self._pairs |= self._twins()

    def notes(self) -> list[str]:
        """Return what was not taken over, in words: one sentence for all cells of which the same is to be said."""
        return [f"{words} {_counted(numbers)}" for words, numbers in self._noted.items()]

    def run(self) -> list[Any]:
        """Return the merged cells, each with the id that it has on its side; raise DoubtError."""
        self._look_at_deleted()
        kept = {s: cell for s in range(len(self._student)) if (cell := self._merge_cell(s)) is not None}
        known = {*self._known, *self._pairs.values()}
        new = {t: copy.deepcopy(cell) for t, cell in enumerate(self._template) if t not in known}
        self.claims = [*kept.values(), *new.values()]
        return self._weave(kept, new)

    def _twins(self) -> dict[int, int]:
        """Pair cells that are new in both and the same: the student took them over by hand, or a run was cut off."""
        added = [s for s in range(len(self._student)) if s not in self._given]
        twins: dict[int, int] = {}
        for t in range(len(self._template)):
            if t in self._known:
                continue
            cell = self._template[t]
            for s in added:
                other = self._student[s]
                named = "id" in cell and cell["id"] == other.get("id")
                if named and _content(cell) != _content(other):
                    raise DoubtError(f"its cell {s + 1} is new in the template too, with another text")
                # An empty cell is like any other: only its id tells.
                told = not _is_blank(cell) or "id" not in cell or "id" not in other
                if s not in twins and (named or (told and _content(cell) == _content(other))):
                    twins[s] = t
                    break
        return twins

    def _look_at_deleted(self) -> None:
        for i, t in self._in_template.items():
            if i not in self._in_student and _content(self._template[t]) != _content(self._base[i]):
                raise DoubtError(f"the student deleted a cell that the template changed ({_excerpt(self._base[i])})")

    def _merge_cell(self, s: int) -> Any | None:
        """Return the student's cell `s` with what the template changed in it, or None if it goes."""
        student = copy.deepcopy(self._student[s])
        i = self._given.get(s)
        if i is None:
            return student
        base = self._base[i]
        if s not in self._pairs:  # the template dropped it
            if _content(student) != _content(base):
                raise DoubtError(f"the student changed cell {s + 1}, which is no longer in the template")
            if _has_own(student, base):
                self._note("kept with the student's output, though no longer in the template:", s)
                return student
            return None
        template = self._template[self._pairs[s]]
        if _content(template) not in (_content(base), _content(student)):
            if _content(student) != _content(base):
                raise DoubtError(f"cell {s + 1} was changed by the student and in the template")
            if template["cell_type"] != student["cell_type"]:
                return self._change_type(s, base, template)
            student["source"] = template["source"]
        self._merge_rest(s, student, base, template)
        return student

    def _change_type(self, s: int, base: Any, template: Any) -> Any:
        student = self._student[s]
        if _has_own(student, base):
            raise DoubtError(f"cell {s + 1} became another kind of cell in the template, and has output of the student")
        changed = copy.deepcopy(template)
        changed.pop("id", None)
        if "id" in student:
            changed["id"] = student["id"]
        self._merge_metadata(s, changed, base, template)
        return changed

    def _merge_rest(self, s: int, student: Any, base: Any, template: Any) -> None:
        """Take over into `student`, cell `s`, the outputs, attachments and metadata that only the template changed."""
        if student["cell_type"] == template["cell_type"] == "code" and _run(student) == _run(base):
            student["outputs"], student["execution_count"] = copy.deepcopy(_run(template))
        attachments, both = merge_keys(*(cell.get("attachments", {}) for cell in (base, student, template)))
        if both:
            raise DoubtError(f"an attachment of cell {s + 1} was changed by the student and in the template")
        if attachments or "attachments" in student:
            student["attachments"] = attachments
        self._merge_metadata(s, student, base, template)

    def _merge_metadata(self, s: int, merged: Any, base: Any, template: Any) -> None:
        own = self._student[s]["metadata"]
        merged["metadata"], both = merge_keys(base["metadata"], own, template["metadata"])
        for key in both:
            if key not in EDITORS_KEYS:
                self._note(f"the metadata `{key}` stays as the student has it in", s)

    def _note(self, words: str, s: int) -> None:
        self._noted.setdefault(words, []).append(s + 1)

    def _weave(self, kept: dict[int, Any], new: dict[int, Any]) -> list[Any]:
        """Put the student's cells and the template's new ones in order; a cell stays behind the one it followed."""
        shared = sorted(i for i in self._in_student.keys() & self._in_template.keys())
        as_student = sorted(shared, key=self._in_student.__getitem__)
        as_template = sorted(shared, key=self._in_template.__getitem__)
        pairs = {s: t for s, t in self._pairs.items() if s in kept}
        # Behind each shared cell (None: at the top) come first the student's own cells, then the template's new ones.
        own = _followers(len(self._student), set(pairs), kept)
        theirs = _followers(len(self._template), set(pairs.values()), new)
        if as_template in (shared, as_student):
            spine = sorted(pairs)
        elif as_student == shared:
            spine = sorted(pairs, key=pairs.__getitem__)
        else:
            raise DoubtError("cells were moved by the student and in the template")
        cells = own[None] + theirs[None]
        for s in spine:
            cells += [kept[s], *own[s], *theirs[pairs[s]]]
        return cells


def _followers(count: int, anchors: set[int], cells: dict[int, Any]) -> dict[int | None, list[Any]]:
    """Return by anchor those of `cells` that follow it, up to the next anchor; all are positions below `count`."""
    anchor: int | None = None
    followers: dict[int | None, list[Any]] = {None: []}
    for position in range(count):
        if position in anchors:
            anchor = position
            followers[anchor] = []
        elif position in cells:
            followers[anchor].append(cells[position])
    return followers


def align(base: list[Any], other: list[Any]) -> dict[int, int]:
    """Return which cell of `other` is which of `base`, one to one, by position.

    A wrong guess harms no student: a cell counts as unchanged, and may be changed or dropped, only if its text is that
    of the base.
    """
    found: dict[int, int] = {}
    taken: set[int] = set()

    def pair(i: int, o: int) -> None:
        found[i] = o
        taken.add(o)

    texts, other_texts = Counter(map(_content, base)), Counter(map(_content, other))
    positions = _positions_by_id(other)
    by_id = {i: positions[name] for name, i in _positions_by_id(base).items() if name in positions}
    # Ids, but not where the text tells otherwise: some tools number the cells, so that ids wander from cell to cell.
    for i, o in by_id.items():
        same = _content(base[i]) == _content(other[o])
        gone = _is_blank(base[i]) or not other_texts[_content(base[i])]
        fresh = _is_blank(other[o]) or not texts[_content(other[o])]
        if same or (gone and fresh):
            pair(i, o)
    # The same text in the same order, then anywhere.
    ours = [("paired", i) if i in found else _content(cell) for i, cell in enumerate(base)]
    back = {o: i for i, o in found.items()}
    others = [("paired", back[o]) if o in back else _content(cell) for o, cell in enumerate(other)]
    for block in difflib.SequenceMatcher(None, ours, others, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            if block.a + step not in found:
                pair(block.a + step, block.b + step)
    moved: dict[Any, list[int]] = {}
    for o, cell in enumerate(other):
        if o not in taken and not _is_blank(cell):
            moved.setdefault(_content(cell), []).append(o)
    for i, cell in enumerate(base):
        if i not in found and moved.get(_content(cell)):
            pair(i, moved[_content(cell)].pop(0))
    # What is left in a gap: the most alike.
    for i, cell in enumerate(base):
        if i in found:
            continue
        low = max((o for x, o in found.items() if x < i), default=-1)
        high = min((o for x, o in found.items() if x > i and o > low), default=len(other))
        gap = [o for o in range(low + 1, high) if o not in taken and other[o]["cell_type"] == cell["cell_type"]]
        likeness, nearest = max(((_likeness(cell, other[o]), -o) for o in gap), default=(0.0, 0))
        if likeness >= ALIKE:
            pair(i, -nearest)
    return found


def merge_keys(base: Any, student: Any, template: Any) -> tuple[dict[str, Any], list[str]]:
    """Merge three mappings key by key; also return the keys that both changed, in which the student's value stays."""
    merged, both = {}, []
    for key in {**student, **template}:
        was, own, new = (values.get(key, NOTHING) for values in (base, student, template))
        value = new if own == was else own
        if own != was and new not in (was, own):
            both.append(key)
        if value is not NOTHING:
            merged[key] = copy.deepcopy(value)
    return merged, both


def give_ids(cells: list[Any], *, wanted: bool) -> None:
    """Give each of `cells` an id of its own, to the first what it has; or, if ids are not `wanted`, to none.

    New ids are made from the text, so that the same merge gives the same bytes.
    """
    used = set()
    for cell in cells:
        if not wanted or not ID.fullmatch(cell.get("id", "")) or cell["id"] in used:
            cell.pop("id", None)
        used.add(cell.get("id"))
    for cell in cells if wanted else ():
        attempt = 0
        while "id" not in cell:
            name = hashlib.sha256(json.dumps([_content(cell), attempt]).encode()).hexdigest()[:8]
            attempt += 1
            if name not in used:
                cell["id"] = name
                used.add(name)


def _content(cell: Any) -> tuple[str, str]:
    return (cell["cell_type"], _text(cell))


def _text(cell: Any) -> str:
    """Return the text of a cell as far as it counts: not how its lines end, nor blanks behind the last one."""
    return str(cell["source"]).replace("\r\n", "\n").rstrip()


def _counted(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"cell {numbers[0]}"
    shown = ", ".join(map(str, numbers[:3]))
    return f"cells {shown} and {len(numbers) - 3} more" if len(numbers) > 3 else f"cells {shown}"


def _is_blank(cell: Any) -> bool:
    return not cell["source"].strip()


def _run(cell: Any) -> tuple[Any, Any]:
    return (cell.get("outputs", []), cell.get("execution_count"))


def _has_own(student: Any, base: Any) -> bool:
    """Say whether the student's cell shows anything that it did not come with."""
    return any(student.get(what) and student[what] != base.get(what) for what in ("outputs", "attachments"))


def _excerpt(cell: Any) -> str:
    line = next(iter(cell["source"].strip().splitlines()), "an empty cell")
    return line if len(line) <= 40 else f"{line[:39]}…"


def _likeness(one: Any, other: Any) -> float:
    return difflib.SequenceMatcher(None, one["source"][:COMPARED], other["source"][:COMPARED]).quick_ratio()


def _positions_by_id(cells: list[Any]) -> dict[str, int]:
    """Return where each id is that only one cell has."""
    count = Counter(cell.get("id") for cell in cells)
    return {cell["id"]: position for position, cell in enumerate(cells) if "id" in cell and count[cell["id"]] == 1}


def sources(text: str) -> list[tuple[str, str]] | None:
    """Return kind and source of each cell of the notebook in `text`, valid or not; None if it is none."""
    try:
        cells = json.loads(text)["cells"]
        return [(str(cell["cell_type"]), "".join(cell["source"])) for cell in cells]
    except NO_NOTEBOOK:
        return None


def is_renamed(old: bytes, new: bytes) -> bool:
    """Say whether two templates of different names are the same or, as notebooks, much the same."""
    if old == new:
        return True
    ours, others = (sources(content.decode(errors="replace")) for content in (old, new))
    if not ours or not others:
        return False
    common = (Counter(ours) & Counter(others)).total()
    return 2 * common >= RENAMED * (len(ours) + len(others))


def outline(text: str) -> str:
    """Return what a person reads in a diff: of a notebook the sources of its cells, else the text itself."""
    cells = sources(text)
    if cells is None:
        shown = text
    else:
        shown = "\n".join(f"── {position}: {kind} ──\n{source}" for position, (kind, source) in enumerate(cells, 1))
    return f"{shown[:SHOWN]}\n"


def answer(question: dict[str, str]) -> dict[str, Any]:
    """Merge `base`, `student` and `template` of `question`; return `text`, `notes` and a diff, or `doubt`."""
    try:
        merged = merge(question["base"], question["student"], question["template"])
    except DoubtError as doubt:
        return {"doubt": str(doubt)}
    diff = [outline(question["student"]), outline(merged.text)]
    return {"text": merged.text, "notes": merged.notes, "diff": diff}


def main() -> None:
    """Answer the question on standard input; both are JSON."""
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
