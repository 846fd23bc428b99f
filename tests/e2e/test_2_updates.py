"""The instructor changes a notebook in the middle of the term: the change reaches everybody, and edits stay."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from tests.support.commands import mails, on_machine, play
from tests.support.letter import read_letter
from tools import PROJECT

NOTEBOOK = "01-first-steps-numpy-pandas.ipynb"
FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
CHANGED = PROJECT / "build" / "changed-notebooks"
EDIT = """
cd {folder}/{username} && runuser -u {username} -- {python} - <<'END'
import nbformat
notebook = nbformat.read("{notebook}", 4)
cell = [cell for cell in notebook.cells if cell.cell_type == "{kind}"][0]
cell.source += "\\n{text}"
nbformat.write(notebook, "{notebook}")
END
"""
LOOK = """
cd {folder}/{username} && {python} - <<'END'
import glob, json, nbformat
found = {{}}
for name in glob.glob("*.ipynb"):
    notebook = nbformat.read(name, 4)
    nbformat.validate(notebook)
    assert len({{cell.id for cell in notebook.cells}}) == len(notebook.cells)
    found[name] = [cell.source for cell in notebook.cells]
print("found", json.dumps(found))
END
"""
PYTHON = "/opt/conda/envs/conda_env/bin/python"


@pytest.fixture(scope="module")
def letters() -> list[Any]:
    return [read_letter(mail) for mail in mails()[:3]]


def edit(letter: Any, kind: str, text: str) -> None:
    """Edit the first cell of a kind as its student."""
    values = {"folder": FOLDER, "username": letter.username, "python": PYTHON, "notebook": NOTEBOOK}
    on_machine(letter.seat, EDIT.format(**values, kind=kind, text=text))


def notebooks(letter: Any) -> dict[str, list[str]]:
    """Return the sources of all cells in the student's notebooks, which are valid."""
    shown = on_machine(letter.seat, LOOK.format(folder=FOLDER, username=letter.username, python=PYTHON))
    found: dict[str, list[str]] = json.loads(shown.partition("found ")[2].splitlines()[0])
    return found


def test_a_changed_notebook_reaches_everybody_and_edits_stay(letters: list[Any]) -> None:
    merged, clashing, other = letters
    edit(merged, "code", "mine = 1")
    edit(clashing, "markdown", "My own words.")
    shutil.rmtree(CHANGED, ignore_errors=True)
    shutil.copytree(PROJECT / "templates" / "notebooks", CHANGED)
    template = json.loads((CHANGED / NOTEBOOK).read_text())
    first = next(cell for cell in template["cells"] if cell["cell_type"] == "markdown")
    first["source"] = ["Corrected words."]
    template["cells"].append(
        {"cell_type": "markdown", "id": "one-more", "metadata": {}, "source": ["One more question"]}
    )
    (CHANGED / NOTEBOOK).write_text(json.dumps(template))
    configure = f'configure.yml -e \'{{"class_notebooks_directory": "{CHANGED.relative_to(PROJECT)}"}}\''

    preview = play(f"{configure} --check --diff --limit {merged.seat}").stdout
    assert "One more question" in preview
    assert not any("One more question" in cells for cells in notebooks(merged).values())

    said = play(configure).stdout
    assert f"{merged.username}: merged with the student's own work {NOTEBOOK}." in said
    assert f"{clashing.username}: {NOTEBOOK} stays as the student has it" in said

    mine = notebooks(merged)[NOTEBOOK]
    assert mine[-1] == "One more question"
    assert "Corrected words." in mine
    assert any(source.endswith("\nmine = 1") for source in mine)
    theirs = notebooks(clashing)
    assert any(source.endswith("\nMy own words.") for source in theirs[NOTEBOOK])
    (beside,) = [name for name in theirs if ".new-" in name]
    assert theirs[beside][-1] == "One more question"
    assert notebooks(other)[NOTEBOOK][-1] == "One more question"

    again = play(f"{configure} --limit {merged.seat},{clashing.seat}").stdout
    assert "merged with" not in again
    assert "stays as the student has it" not in again
