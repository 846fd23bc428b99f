"""The study of real histories: what it takes for a pair, and that it sees each fault."""

from __future__ import annotations

import copy
import json
import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.notebooks import BASE, END, FIXED, MORE, SOLVED, code, dumped, edited, notebook, set_in
from tools import notebook_histories
from tools.notebook_histories import blob, faults, main, pairs_of, study, work_in


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a git directory with three editions of a notebook, and a file that is none."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Ada Beispiel", "-c", "user.email=ada@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init", "--quiet")
    for edition in (BASE, edited(FIXED), edited(MORE, of=edited(FIXED))):
        (tmp_path / "a b.ipynb").write_text(dumped(edition))
        (tmp_path / "x.py").write_text(str(len(edition["cells"])))
        git("add", ".")
        git("commit", "--quiet", "--message=edition")
    return tmp_path / ".git"


def test_the_editions_of_a_history_are_merged(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = pairs_of(str(history), random.Random(1))  # noqa: S311 - dice, not secrets
    editions = {dumped(BASE): dumped(edited(FIXED)), dumped(edited(FIXED)): dumped(edited(MORE, of=edited(FIXED)))}
    assert {blob(str(history), old): blob(str(history), new) for old, new in pairs} == editions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["notebook_histories", "--answers", "0", str(history)])
        assert main() == 0
    assert capsys.readouterr().out.split("\n")[:3] == ["     2 pairs", "     2 merged", "     0 laid beside"]


def test_a_student_leaves_marks(tmp_path: Path) -> None:
    student = work_in(dumped(BASE), random.Random(3), 2)  # noqa: S311 - dice, not secrets
    assert "of the student" in dumped(student)
    with pytest.raises(ValueError, match="not a git repository"):
        blob(str(tmp_path), "0" * 40)


def test_what_is_no_notebook_is_no_pair() -> None:
    counted = study([("[", dumped(BASE), random.Random(1))], 2)  # noqa: S311 - dice, not secrets
    assert counted == {"not opened by Jupyter": 1}


def spoiled(result: dict[str, Any], fault: str) -> dict[str, Any]:
    cells = result["cells"]
    if fault == "lost":
        del cells[2]
    elif fault == "invalid":
        cells[0]["zz"] = 1
    elif fault == "duplicate ids":
        cells[0]["id"] = cells[1]["id"]
    else:
        del cells[4]
    return result


@pytest.mark.parametrize("fault", notebook_histories.FAULTS)
def test_each_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    student, new = edited(SOLVED), edited(MORE)
    right = edited(MORE, of=student)
    assert faults(BASE, student, new, right) == []
    assert fault in faults(BASE, student, new, spoiled(copy.deepcopy(right), fault))
    # And whoever runs it is told.
    monkeypatch.setattr(notebook_histories, "read_pairs", lambda *_: [])
    monkeypatch.setattr(notebook_histories, "study", lambda *_: Counter({fault: 1}))
    monkeypatch.setattr("sys.argv", ["notebook_histories", "none.git"])
    assert main() == 1


def test_an_output_that_is_gone_is_lost() -> None:
    ran = edited(set_in(2, outputs=code("", "", "ran 2: 0.5\n")["outputs"], execution_count=1))
    assert faults(BASE, ran, BASE, edited(lambda _: None)) == ["lost"]
    assert faults(notebook(END), json.loads(dumped(notebook(END))), notebook(END), notebook(END)) == []
