"""The page about adding a role, followed to the letter in a copy of the project: the linters and the tests agree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import house
from tools.roles import PROJECT

PAGE = (PROJECT / "docs" / "adding-a-role.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([^`]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def block(opening: str) -> str:
    """Return the block of the page that begins so."""
    (found,) = (
        text for text in re.findall(r"```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) if text.startswith(opening)
    )
    return str(found)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project and do what the page says."""
    folder = tmp_path_factory.mktemp("project")
    for name in house.files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    (folder / "inventory" / "group_vars").symlink_to("../group_vars")
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    # Instead of at the end of the file: the other roles' inputs were asked for already.
    (folder / "tests" / "unit" / "role_inputs.yml").write_text("---\n" + block("limits:\n  - inputs:"))
    configure = folder / "playbooks" / "configure.yml"
    called = "        - name: Install the environment\n"
    configure.write_text(configure.read_text().replace(called, f"{block('        - name: Limit')}\n{called}"))
    run(folder, "git", "init", "--quiet")
    run(folder, sys.executable, "-m", "tools.docs")
    return folder


def run(folder: Path, *command: str) -> None:
    """Run a command in the copy; its words are the failure's."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_makes_a_whole_role() -> None:
    made = {Path(name).name for name in FILES}
    assert {"main.yml", "argument_specs.yml", "molecule.yml", "converge.yml", "verify.yml", "side_effect.yml"} <= made


@pytest.mark.timeout(300)
def test_the_linters_agree(copy: Path) -> None:
    run(copy, "bin/lint", "yamllint", "docs", "house")
    lint = str(Path(sys.executable).with_name("ansible-lint"))
    run(copy, lint, "-q", "--offline", "--strict", "roles/limits", "molecule/limits", "playbooks/configure.yml")


@pytest.mark.timeout(300)
def test_the_tests_of_all_roles_agree(copy: Path) -> None:
    tests = ("tests/unit/test_role_specs.py", "tests/unit/test_role_inputs.py")
    run(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "limits or called")
