"""Many instances at once: one that is refused holds up no other, and costs few requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.states import batches, change_all

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("number", "refused", "most"),
    [
        (0, [], 0),
        (1, [], 1),
        (401, [], 1),
        (1001, [], 2),
        (1, [0], 1),
        (8, [1, 6], 11),
        (8, range(8), 15),
        (401, [3], 19),
    ],
)
def test_all_that_can_be_changed_are_and_the_others_are_named(number: int, refused: Sequence[int], most: int) -> None:
    ids = [f"i-{n}" for n in range(number)]
    bad = {f"i-{n}" for n in refused}
    changed: list[str] = []
    requests = 0

    def change(batch: Sequence[str]) -> str:
        nonlocal requests
        requests += 1
        if bad & {*batch}:
            return f"no {len(batch)}"
        changed.extend(batch)
        return ""

    assert change_all(ids, change) == dict.fromkeys(bad, "no 1")
    assert sorted(changed) == sorted({*ids} - bad)
    assert requests <= most


def test_no_request_has_more_than_a_thousand_ids() -> None:
    assert [len(batch) for batch in batches([str(n) for n in range(2001)])] == [1000, 1000, 1]
