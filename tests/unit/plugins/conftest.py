"""A web server for the tests of data sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.data_files import Source


@pytest.fixture
def source() -> Iterator[Source]:
    server = Source()
    yield server
    server.close()
