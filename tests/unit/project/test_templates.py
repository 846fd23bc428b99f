"""What every student gets on the first day must be in order before it is copied a hundred times."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from tools import PROJECT

TEMPLATES = PROJECT / "templates" / "notebooks"
NOTEBOOKS = sorted(TEMPLATES.rglob("*.ipynb"))
FILES = {
    str(entry["file"])
    for entry in yaml.safe_load((PROJECT / "data" / "datasets.yml").read_text(encoding="utf-8"))["datasets"]
}


def load(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_of(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in load(path)["cells"] if cell["cell_type"] == "code"]


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_valid_and_bears_no_traces_of_use(path: Path) -> None:
    notebook = load(path)
    nbformat.validate(notebook)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    identities = [cell["id"] for cell in notebook["cells"]]
    assert len(identities) == len(set(identities)), "nbformat.validate passes duplicate ids, merging does not"
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None), cell["id"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_code_parses_and_the_exercises_are_empty(path: Path) -> None:
    turns = 0
    for code in code_of(path):
        tree = ast.parse(code)
        if "Your turn" in code:
            turns += 1
            assert not tree.body
    assert turns >= 2


@pytest.mark.parametrize("path", [*NOTEBOOKS, TEMPLATES / "README.md"], ids=lambda path: path.name)
def test_the_data_are_found_wherever_the_notebook_runs(path: Path) -> None:
    text = "\n".join(code_of(path)) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    assert 'os.environ.get("CLASS_DATA", "/home/ubuntu/machine_learning_aws/data")' in text
    named = set(re.findall(r"[\w-]+\.csv(?:\.gz)?", text))
    assert named
    assert named <= FILES, "no data set of data/datasets.yml"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_nothing_is_imported_that_the_environment_lacks(path: Path) -> None:
    modules = {
        name.split(".")[0]
        for code in code_of(path)
        for node in ast.walk(ast.parse(code))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules <= {"os", "pathlib", "numpy", "pandas", "sklearn", "matplotlib"}


def test_the_page_for_students_names_every_notebook_and_data_set() -> None:
    page = (TEMPLATES / "README.md").read_text(encoding="utf-8")
    for name in (*(path.name for path in NOTEBOOKS), *FILES):
        assert f"`{name}`" in page
