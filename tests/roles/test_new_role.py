"""A role made by following docs/adding-a-role.md alone passes the linters, and its scenario on a real host."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.adding_a_role import CALLER, follow, run
from tools import PROJECT
from tools.molecule_scenarios import SUITE


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what the page says."""
    folder = tmp_path_factory.mktemp("new") / "project"
    follow(folder)
    return folder


@pytest.mark.timeout(300)
def test_the_linters_agree(copy: Path) -> None:
    run(copy, "bin/lint", "yamllint", "docs", "house")
    lint = str(Path(sys.executable).with_name("ansible-lint"))
    run(copy, lint, "-q", "--offline", "--strict", "roles/limits", "molecule/limits", CALLER)


@pytest.mark.timeout(600)
def test_it_passes_its_scenario(copy: Path) -> None:
    run(PROJECT, "bin/with-lab", "python", "-m", "tools.molecule_scenarios", "--project", str(copy), "limits")
    assert (copy / "build" / f"{SUITE}.xml").read_text().count('name="limits"') == 1
