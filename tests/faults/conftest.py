"""A lab, and playbooks that are ended in the middle. `--kills N`: how many in all, for each kind of test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.account_owner import ec2
from tests.support.class_machines import machines, refuse_a_lab_that_is_up
from tests.support.commands import bring_lab_up, command

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose between a short look and the whole."""
    parser.addoption("--kills", type=int, default=20)


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How many runs to end in all."""
    return int(request.config.getoption("--kills"))


@pytest.fixture(scope="session")
def _lab() -> Iterator[None]:
    """Bring the lab up, and take it down again."""
    refuse_a_lab_that_is_up()
    try:
        bring_lab_up()
        yield
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture
def _empty_lab(_lab: None) -> Iterator[None]:
    """See to it that a test which fails leaves no machines: the next class has another key and would be refused."""
    yield
    if left := [machine["InstanceId"] for machine in machines() if machine["State"] != "terminated"]:
        ec2().terminate_instances(InstanceIds=left)
        ec2().get_waiter("instance_terminated").wait(InstanceIds=left, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
