"""The page about adding a role, followed to the letter in a copy of the project: the linters and the tests agree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.adding_a_role import CALLER, FILES, follow, run


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what the page says."""
    folder = tmp_path_factory.mktemp("project")
    follow(folder)
    return folder


def test_the_page_makes_a_whole_role() -> None:
    made = {Path(name).name for name in FILES}
    assert {"main.yml", "argument_specs.yml", "molecule.yml", "converge.yml", "verify.yml", "side_effect.yml"} <= made


@pytest.mark.timeout(300)
def test_the_linters_agree(copy: Path) -> None:
    run(copy, "bin/lint", "yamllint", "docs", "house")
    lint = str(Path(sys.executable).with_name("ansible-lint"))
    run(copy, lint, "-q", "--offline", "--strict", "roles/limits", "molecule/limits", CALLER)


@pytest.mark.timeout(300)
def test_the_tests_of_all_roles_agree(copy: Path) -> None:
    tests = ("tests/unit/test_role_specs.py", "tests/unit/test_role_inputs.py")
    run(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "limits or called")
