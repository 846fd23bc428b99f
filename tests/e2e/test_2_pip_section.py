"""The instructor adds a `pip:` section and variables: from the file to an import in a student's notebook, and back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.commands import mails, on_machine, play
from tests.support.laptop import Laptop, browser, open_jupyterlab, run_notebook
from tests.support.letter import read_letter
from tools import PROJECT

FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
ENVIRONMENT = PROJECT / "build/pip-section.yml"
LOCK = PROJECT / "build/pip-section.lock"
# As a course has it: the lab's index has these, for it has no way out (lab/channel/pypi.in).
SECTION = """
  - pip:
    - emoji
    - humanize>=4
    - inflect
    - pyfiglet
    - rich[jupyter]>=13
    - tabulate
    - tqdm
    - Unidecode
    - urlextract
    - XlsxWriter==3.*
variables:
  COURSE_SEED: "007"
"""
IMPORTS = (
    "emoji, humanize, inflect, pyfiglet, rich.jupyter, ipywidgets, tabulate, tqdm, unidecode, urlextract, xlsxwriter"
)
NOTEBOOK = "pip-section.ipynb"


@pytest.fixture(scope="module")
def letter() -> Any:
    return read_letter(mails()[0])


@pytest.fixture(scope="module", autouse=True)
def _environment_as_before(letter: Any) -> Any:
    """Give the machine the class's own environment back."""
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    LOCK.unlink(missing_ok=True)
    ENVIRONMENT.write_text((PROJECT / "environment.yml").read_text() + SECTION)
    yield
    play(f"configure.yml --limit {letter.seat}")
    left = "ls -d /opt/conda/envs/conda_env/lib/python3*/site-packages/urlextract || echo gone"
    assert "gone" in on_machine(letter.seat, left)
    on_machine(letter.seat, f"rm -f {FOLDER}/{letter.username}/{NOTEBOOK}")


def configure(letter: Any, *, check: bool = True) -> str:
    """Run configure for one machine with the environment of this test."""
    settings = {name: str(path.relative_to(PROJECT)) for name, path in (
        ("class_environment_file", ENVIRONMENT), ("class_environment_lock", LOCK)
    )}  # fmt: skip
    done = play(f"configure.yml --limit {letter.seat} -e '{json.dumps(settings)}'", check=check)
    return str(done.stdout)


def test_a_pip_section_comes_from_the_mirror_and_a_second_run_changes_nothing(letter: Any) -> None:
    configure(letter)
    locked = re.findall(r"^#pip: ([a-z0-9-]+)==", LOCK.read_text(), re.MULTILINE)
    assert {"urlextract", "uritools", "rich", "ipywidgets"} <= set(locked)
    assert "numpy" not in locked
    before = on_machine(letter.seat, "stat -c %i /opt/conda/envs/conda_env")
    again = configure(letter)
    assert re.search(rf"^{letter.seat} .*changed=0 ", again, re.MULTILINE), again[-2000:]
    assert on_machine(letter.seat, "stat -c %i /opt/conda/envs/conda_env") == before


def test_a_students_notebook_and_terminal_have_packages_and_variables(letter: Any, laptop: Laptop) -> None:
    source = f"import os\nimport {IMPORTS}\nassert os.environ['COURSE_SEED'] == '007'\n'imported'"
    notebook = json.dumps({
        "cells": [{
            "cell_type": "code", "id": "all", "metadata": {}, "source": source, "outputs": [], "execution_count": None,
        }],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    })  # fmt: skip
    own = f"{FOLDER}/{letter.username}/{NOTEBOOK}"
    on_machine(letter.seat, f"runuser -u {letter.username} -- tee {own} <<'END'\n{notebook}\nEND")
    with laptop.tunnel(letter, letter.tunnel), browser() as page:
        open_jupyterlab(page, letter.link)
        run_notebook(page, letter, NOTEBOOK)
    assert "seed 007" in laptop.log_in(letter, "echo seed $COURSE_SEED", "pyfiglet --version")


def test_a_wheel_with_other_bytes_than_the_lock_says_is_refused_by_name(letter: Any) -> None:
    before = LOCK.read_text()
    line = next(line for line in before.splitlines() if line.startswith("#pip: tabulate=="))
    LOCK.write_text(before.replace(line, re.sub("sha256:.", lambda found: "sha256:" + "10"[found[0][-1] == "1"], line)))
    said = configure(letter, check=False)
    assert "tabulate of PyPI has other bytes than the lock says" in said
    python = "/opt/conda/envs/conda_env/bin/python"
    assert "ok" in on_machine(letter.seat, f"{python} -c 'import tabulate, urlextract; print(\"ok\")'")
    LOCK.write_text(before)
    configure(letter)
