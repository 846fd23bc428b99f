"""A role made by following docs/adding-a-role.md alone passes its scenario on a real host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.adding_a_role import follow, run
from tools.roles import PROJECT
from tools.scenarios import SUITE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(600)
def test_what_the_page_makes_passes_its_scenario(tmp_path: Path) -> None:
    copy = tmp_path / "project"
    follow(copy)
    run(PROJECT, "bin/with-lab", "python", "-m", "tools.scenarios", "--project", str(copy), "limits")
    assert (copy / "build" / f"{SUITE}.xml").read_text().count('name="limits"') == 1
