"""Faults that wait for their calls."""

from __future__ import annotations

from lab.api_request import ApiRequest
from lab.faults import Fault, Faults


def test_a_fault_answers_so_many_calls_of_its_action_and_no_others() -> None:
    faults = Faults()
    faults.add(Fault(action="RunInstances", code="InsufficientInstanceCapacity", times=2))
    assert faults.take("DescribeInstances") is None
    assert [bool(faults.take("RunInstances")) for _ in range(3)] == [True, True, False]
    assert faults.waiting() == []


def test_a_fault_lets_calls_through_first() -> None:
    faults = Faults()
    faults.add(Fault(action="CreateTags", code="InternalError", after=2))
    assert [bool(faults.take("CreateTags")) for _ in range(4)] == [False, False, True, False]


def test_faults_wait_in_turn_and_can_be_forgotten() -> None:
    faults = Faults()
    faults.add(Fault(action="RunInstances", code="RequestLimitExceeded"))
    faults.add(Fault(action="RunInstances", code="UnauthorizedOperation"))
    first, second = (faults.refusal(ApiRequest("RunInstances")) for _ in range(2))
    assert first is not None
    assert second is not None
    assert [(each.code, each.status) for each in (first, second)] == [
        ("RequestLimitExceeded", 503),
        ("UnauthorizedOperation", 403),
    ]
    faults.add(Fault(action="RunInstances", code="RequestLimitExceeded"))
    faults.clear()
    assert faults.take("RunInstances") is None
