"""A web server for the tests of data sets, and nothing of this computer's units."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import host

from tests.support.data_files import Source


@pytest.fixture
def source() -> Iterator[Source]:
    server = Source()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def no_units_of_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its haproxy starts at boot, or has read its files, is nothing that a machine of a test knows."""
    monkeypatch.setattr(host, "RENEWED", str(tmp_path / "renewed"))
    monkeypatch.setattr(host, "UNITS", (str(tmp_path / "no-units"),))
