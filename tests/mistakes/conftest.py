"""Run playbooks as a user does, against an AWS without hosts, and read the screen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lab.capacity import CAPACITY
from lab.lateness import LATENESS
from tests.support.desk import Aws, Desk
from tests.support.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Aws]:
    """One AWS for all tests."""
    aws = Aws()
    yield aws
    aws.close()


@pytest.fixture
def aws(endpoint: Aws) -> Aws:
    """Return the AWS, which refuses nothing so far."""
    endpoint.faults.clear()
    endpoint.ahead = timedelta()
    CAPACITY.clear()
    LATENESS.set()
    endpoint.requests.clear()
    return endpoint


@pytest.fixture
def desk(aws: Aws, tmp_path: Path) -> Desk:
    """Return a computer on which everything is right so far."""
    return Desk(tmp_path, aws)


@pytest.fixture
def rooms(desk: Desk) -> Iterator[Rooms]:
    """Return the rooms, which are empty again afterwards."""
    made = Rooms(desk)
    yield made
    if made.ids:
        made.ec2.terminate_instances(InstanceIds=made.ids)
