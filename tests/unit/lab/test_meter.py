"""For how long instances ran: what counts, and that it outlives the process."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import moto.ec2.models.instances as moto_instances
import pytest

from lab.meter import MeteredState

if TYPE_CHECKING:
    from collections.abc import Callable

MONDAY = datetime(2026, 10, 12, 7, 0, tzinfo=UTC)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return what sets moto's clock, to so many seconds after the beginning."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(moto_instances, "utcnow", lambda: MONDAY + timedelta(seconds=seconds))

    set_to(0)
    return set_to


def test_it_counts_from_running_until_it_stops_or_ends(set_clock: Callable[[float], None]) -> None:
    state = MeteredState("pending", 0)
    for at, name in ((20, "running"), (100, "running"), (120, "stopping"), (150, "stopped"), (500, "pending")):
        set_clock(at)
        state.name = name
    assert state.ran_s == 100
    set_clock(530)
    state.name = "running"
    set_clock(540)
    assert state.ran_s == 110  # while it goes on
    set_clock(560)
    state.name = "shutting-down"
    set_clock(900)
    state.name = "terminated"
    assert (state.name, state.ran_s) == ("terminated", 130)


def test_what_was_counted_outlives_the_process(set_clock: Callable[[float], None]) -> None:
    state = MeteredState("running", 16)
    set_clock(60)
    saved = pickle.dumps(state)
    before = copy.copy(state)
    set_clock(100)
    read = pickle.loads(saved)  # noqa: S301 - just pickled
    assert (read.name, read.code, read.ran_s) == ("running", 16, 100)
    assert (before.name, before.ran_s) == ("running", 100)
    assert state.name == "running"


def test_a_lab_of_before_metered_nothing(set_clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(moto_instances, "InstanceState", MeteredState.__base__)
        saved = pickle.dumps(moto_instances.InstanceState("running", 16))
    monkeypatch.setattr(moto_instances, "InstanceState", MeteredState)
    set_clock(100)
    read = pickle.loads(saved)  # noqa: S301 - just pickled
    set_clock(160)
    assert (type(read), read.name, read.code, read.ran_s) == (MeteredState, "running", 16, 60)
