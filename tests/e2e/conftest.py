"""One class on the lab, from an empty machine to an empty machine; the test files tell its story in their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.class_machines import refuse_a_lab_that_is_up
from tests.support.commands import command
from tests.support.laptop import CHROMIUM, Laptop
from tests.support.traces import traces


@pytest.fixture(scope="session")
def before() -> dict[str, set[str]]:
    """This machine before there was a lab."""
    assert Path(CHROMIUM).exists(), "The tests open a browser: bin/test-packages"
    return traces()


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    """A computer that has never been here."""
    return Laptop(tmp_path_factory.mktemp("laptop"))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place of the tests' own for the work, so that it does not mix with anybody's."""
    return tmp_path_factory.mktemp("daily_user")


@pytest.fixture(scope="session", autouse=True)
def _nothing_left() -> Any:
    """End the lab also when a test failed half-way."""
    refuse_a_lab_that_is_up()
    yield
    command("make lab-down DISCARD=1", check=False)
