"""Modules that ask an AWS without hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.lateness import LATENESS
from tests.support.aws_modules import AwsModules
from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Aws]:
    """Return an AWS without hosts."""
    made = Aws()
    yield made
    made.close()


@pytest.fixture
def aws(endpoint: Aws) -> Iterator[Aws]:
    """Return it; it refuses nothing so far, and has no machines afterwards."""
    endpoint.faults.clear()
    endpoint.forget()
    yield endpoint
    LATENESS.set()
    endpoint.faults.clear()
    endpoint.end_machines()


@pytest.fixture
def modules(aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> AwsModules:
    """Return what runs modules against it."""
    return AwsModules(aws, monkeypatch, capsys)
