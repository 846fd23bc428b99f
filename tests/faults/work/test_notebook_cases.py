"""What a change of the templates does to notebooks that students have, case by case, on a machine of each kind.

Ada's folder has a notebook for each case, on a machine that she shares with Blaise, who touches nothing. Carl's machine
misses two editions.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from typing import Any

import nbformat
import pytest

from tests.support.notebook_edits import faults, random_pair
from tests.support.notebooks import BASE, Notebook, code, edited, insert, markdown, set_in, texts
from tests.support.term import FOLDER, STUDENTS, Term

pytestmark = [
    pytest.mark.timeout(1200),
    # A student's file may have an id twice, which the merge mends where it writes.
    pytest.mark.filterwarnings("ignore:Non-unique cell id"),
]

PYTHON = "/opt/conda/envs/conda_env/bin/python"
# Ends of lines, controls and scripts that a careless writer would change.
ODD = "a\r\nb\rc\x0bd\x0ce\x85f\u2028g\t \U0001f600 \\n 'ü' \n\n"
PRINTED = code("", "", ODD)["outputs"]
FIXED = set_in(1, source="How many rows has the table? Answer with a number.")
# Pairs of random edits that meet on a machine; two thousand meet in tests/unit.
PAIRS = 40


@dataclass(frozen=True)
class Case:
    """What the student and the teacher do to one notebook, and what comes of it.

    The student's `mine` is the file as it is saved, None for deleted. `result` is the list of the cells' texts; None if
    the student's file is to stay as it is, with the new edition `beside`.
    """

    mine: bytes | None
    theirs: Notebook
    result: list[str] | None = None
    beside: bool = False
    said: str = ""


def saved(notebook: Notebook) -> bytes:
    """Return a notebook as JupyterLab saves it."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def with_kernel(of: Notebook, name: str) -> Notebook:
    """Return a copy with another kernel."""
    return {**of, "metadata": {**of["metadata"], "kernelspec": {"name": name, "display_name": name}}}


EDITED = edited(set_in(2, source=ODD))
EXECUTED = edited(set_in(2, outputs=PRINTED, execution_count=7))
BIG = edited(set_in(2, outputs=code("", "", "x" * (50 << 20))["outputs"], execution_count=1))
TITLE, QUESTION, ANSWER, END = texts(BASE)
NEW_QUESTION = texts(edited(FIXED))[1]
CASES = {
    "edited-code-and-markdown-elsewhere": Case(saved(EDITED), edited(FIXED), [TITLE, NEW_QUESTION, ODD, END]),
    "outputs-and-a-fixed-typo": Case(
        saved(EXECUTED), edited(set_in(2, source="rows = 0")), [TITLE, QUESTION, "rows = 0", END]
    ),
    "one-cell-changed-by-both": Case(
        saved(EDITED), edited(set_in(2, source="rows = None")), beside=True, said="cell 3 was changed by the student"
    ),
    "inserted-by-both": Case(
        saved(edited(insert(3, markdown("Ask about this!", "mine")))),
        edited(insert(3, markdown("Second question", "theirs"))),
        [TITLE, QUESTION, ANSWER, "Ask about this!", "Second question", END],
    ),
    "deleted-by-the-student": Case(
        saved(edited(lambda cells: cells.pop(0))), edited(FIXED), [NEW_QUESTION, ANSWER, END]
    ),
    "deleted-by-the-teacher": Case(saved(EDITED), edited(lambda cells: cells.pop(0)), [QUESTION, ODD, END]),
    "deleted-and-changed": Case(
        saved(edited(lambda cells: cells.pop(1))), edited(FIXED), beside=True, said="the student deleted a cell"
    ),
    "metadata-and-kernel": Case(
        saved(edited(set_in(2, source=ODD, metadata={"collapsed": True}))),
        with_kernel(edited(set_in(2, metadata={"tags": ["exam"]})), "conda"),
        [TITLE, QUESTION, ODD, END],
        said="its metadata `kernelspec` stays as it was, though the template changed it",
    ),
    "invalid-json": Case(saved(EDITED)[:-40], edited(FIXED), beside=True, said="not a notebook that can be read"),
    "empty": Case(b"", edited(FIXED), beside=True, said="it is empty"),
    "fifty-megabytes": Case(saved(BIG), edited(FIXED), [TITLE, NEW_QUESTION, ANSWER, END]),
    "untouched": Case(saved(BASE), edited(FIXED), texts(edited(FIXED))),
    "file-deleted": Case(None, edited(FIXED)),
}
LATE = "two-versions-skipped.ipynb"
LATE_EDITIONS = [
    BASE,
    edited(FIXED),
    edited(insert(4, markdown("Third edition", "third")), of=edited(FIXED)),
    edited(set_in(0, source="Fourth"), of=edited(insert(4, markdown("Third edition", "third")), of=edited(FIXED))),
]

# Run on a machine: every notebook of a student, with its digest; those that we wrote are seen to be valid.
READ = """
import hashlib, json
import nbformat
found = {}
for top, folders, names in os.walk("."):
    for path in (os.path.relpath(os.path.join(top, name)) for name in names if name.endswith(".ipynb")):
        content = open(path, "rb").read()
        found[path] = {"sha256": hashlib.sha256(content).hexdigest()}
        try:
            notebook = json.loads(content)
        except ValueError:
            continue
        try:
            nbformat.validate(json.loads(content))
            found[path]["valid"] = True
        except nbformat.ValidationError:
            found[path]["valid"] = False
        for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
            text = "".join(output.get("text", ""))  # nbformat makes lines of it
            if len(text) > 1_000_000:  # too long a way for this
                output["text"] = hashlib.sha256(text.encode()).hexdigest()
        found[path]["notebook"] = notebook
print(json.dumps(found))
"""

# Run on a machine, as the way there is too long for so much: the third cell has printed 50 MB.
GROW = """
import json
notebook = json.load(open("{path}"))
output = {{"output_type": "stream", "name": "stdout", "text": "x" * (50 << 20)}}
notebook["cells"][2].update(execution_count=1, outputs=[output])
json.dump(notebook, open("{path}", "w"))
"""


def notebooks(term: Term, username: str) -> dict[str, dict[str, Any]]:
    """Return all notebooks of a student by path; each has its digest and, if it is one, what it holds."""
    program = f"import os\nos.chdir('{FOLDER}/{username}')\n{READ}"
    found: dict[str, dict[str, Any]] = json.loads(term.python(username, program, PYTHON))
    for path, about in found.items():
        if "notebook" in about:
            about["notebook"] = nbformat.reader.reads(json.dumps(about["notebook"]))
        assert about.get("valid") is not False or path.startswith("pairs/"), path
    return found


def lay_out(term: Term, templates: dict[str, Notebook]) -> None:
    """Let these be among the templates."""
    for path, notebook in templates.items():
        place = term.course.folder / "notebooks" / path
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(notebook))


def test_each_case(term: Term) -> None:
    lay_out(term, {f"cases/{name}.ipynb": BASE for name in CASES} | {LATE: LATE_EDITIONS[0]})
    term.course.play("configure.yml")
    files = {f"cases/{name}.ipynb": case.mine for name, case in CASES.items() if case.mine is not None}
    term.write(
        "ada", {path: content for path, content in files.items() if "fifty" not in path and "untouched" not in path}
    )
    term.python("ada", GROW.format(path=f"{FOLDER}/ada/cases/fifty-megabytes.ipynb"))
    term.on("ada", f"rm {FOLDER}/ada/cases/file-deleted.ipynb")
    term.write("carl", {LATE: saved(EDITED)})
    was = term.there()

    for edition in LATE_EDITIONS[1:3]:  # while Carl's machine is not asked
        lay_out(term, {LATE: edition})
        term.course.play(f"configure.yml --limit {term.seat_of('ada')}")
    lay_out(term, {f"cases/{name}.ipynb": case.theirs for name, case in CASES.items()} | {LATE: LATE_EDITIONS[3]})
    said = term.course.play("configure.yml")

    ada, blaise, carl = (notebooks(term, username) for username in STUDENTS)
    wrong = []
    for name, case in CASES.items():
        try:
            check_case(f"cases/{name}.ipynb", case, ada, was, said)
            assert blaise[f"cases/{name}.ipynb"]["notebook"] == case.theirs
        except (AssertionError, KeyError) as error:
            wrong.append(f"{name}: {error!r}")
    assert not wrong, "\n".join(wrong)
    assert ada[LATE]["notebook"] == blaise[LATE]["notebook"] == LATE_EDITIONS[3]
    assert texts(carl[LATE]["notebook"]) == ["Fourth", NEW_QUESTION, ODD, END, "Third edition"]

    again = term.course.play("configure.yml")
    assert "Notebooks that students have" not in again
    assert {who: notebooks(term, who) for who in ("ada", "blaise")} == {"ada": ada, "blaise": blaise}
    term.collect()


def check_case(path: str, case: Case, found: dict[str, Any], was: dict[str, str], said: str) -> None:
    """See what has become of one notebook of Ada's."""
    assert case.said in " ".join(said.split())
    stem = path.removesuffix(".ipynb")
    beside = [other for other in found if other.startswith(f"{stem}.new-")]
    if case.mine is None:
        assert path not in found
        assert not beside
        return
    if case.beside:
        assert found[path]["sha256"] == was[f"ada/{path}"]
        (new,) = beside
        assert found[new]["notebook"] == case.theirs
        assert f"ada: {path} stays as the student has it, because" in " ".join(said.split())
        return
    assert not beside
    result = found[path]["notebook"]
    ids = [cell["id"] for cell in result["cells"]]
    assert len(set(ids)) == len(ids)
    assert case.result == texts(result)
    if case.mine != saved(BASE):
        kept = [about["sha256"] for other, about in found.items() if other.startswith(f"cases/.{stem[6:]}.before-")]
        assert kept == [was[f"ada/{path}"]]  # the student's file as it was, too
    if path.startswith("cases/outputs"):
        assert (result["cells"][2]["outputs"], result["cells"][2]["execution_count"]) == (PRINTED, 7)
    elif path.startswith("cases/fifty"):
        assert result["cells"][2]["outputs"][0]["text"] == hashlib.sha256(b"x" * (50 << 20)).hexdigest()
    elif path.startswith("cases/metadata"):
        assert result["metadata"] == BASE["metadata"]
        assert result["cells"][2]["metadata"] == {"collapsed": True, "tags": ["exam"]}


def test_random_pairs_of_edits(term: Term) -> None:
    drawn = (random_pair(seed) for seed in itertools.count())
    met = itertools.islice((pair for pair in drawn if pair[0] != pair[2]), PAIRS)  # where the teacher changes something
    pairs = {f"pairs/{number}.ipynb": pair for number, pair in enumerate(met)}
    lay_out(term, {path: base for path, (base, _, _) in pairs.items()})
    term.course.play("configure.yml")
    term.write("ada", {path: saved(student) for path, (_, student, _) in pairs.items()})
    was = term.there()
    lay_out(term, {path: template for path, (_, _, template) in pairs.items()})
    term.course.play("configure.yml")
    ada, blaise = notebooks(term, "ada"), notebooks(term, "blaise")
    beside, merged, wrong = 0, 0, []
    for path, (base, student, template) in pairs.items():
        assert blaise[path]["notebook"] == template
        if any(other.startswith(f"{path.removesuffix('.ipynb')}.new-") for other in ada):
            beside += 1
            wrong += [path] if ada[path]["sha256"] != was[f"ada/{path}"] else []
            continue
        merged += ada[path]["sha256"] != was[f"ada/{path}"]
        wrong += [f"{path}: {fault}" for fault in faults(base, student, template, ada[path]["notebook"])]
    assert not wrong, "\n".join(wrong)
    # The others ask for what the student did, too.
    assert (merged, beside) == (32, 6)
    (term.course.folder / "notebooks" / "pairs").rename(term.course.folder / "pairs")
    term.collect()
