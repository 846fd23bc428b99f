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


def run_tests(copy: Path, *tests: str, only: str) -> None:
    """Run those of the copy's unit tests that are named."""
    files = (f"tests/unit/{test}" for test in tests)
    run(copy, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", only)


@pytest.mark.timeout(300)
def test_the_tests_of_all_roles_agree(copy: Path) -> None:
    tests = ("roles/test_role_specs.py", "roles/test_role_inputs.py", "tools/test_mutants.py")
    run_tests(copy, *tests, "tools/test_molecule_scenarios.py", only="limits or called or two_ways or every_role")


@pytest.mark.timeout(300)
def test_machines_are_made_ready_with_it_where_other_roles_have_stand_ins(copy: Path) -> None:
    tests = (f"project/test_{what}.py" for what in ("make_ready", "renew_access", "late_machines"))
    run_tests(copy, *tests, only="falls_silent or leak_is_closed or lost_in_the_middle")
