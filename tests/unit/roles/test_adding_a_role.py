"""The page about adding a role, followed to the letter in a copy of the project: the tests of all roles agree.

What takes longer, the linters and the scenario on a real host, is in tests/roles.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.adding_a_role import FILES, follow, run


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
def test_the_tests_of_all_roles_agree(copy: Path) -> None:
    tests = ("tests/unit/roles/test_role_specs.py", "tests/unit/roles/test_role_inputs.py")
    run(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", "limits or called")
