"""An AWS without hosts for each file of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """Return an AWS without hosts."""
    made = Aws()
    yield made
    made.close()
