"""How long runs took: what is remembered of them, and what is expected of the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.durations import (
    FILE,
    MOST,
    Took,
    expected,
    recorded,
    remember,
)

if TYPE_CHECKING:
    from pathlib import Path

PROVISION, CONFIGURE = "provision.yml", "configure.yml"


def took(seconds: int, machines: int = 30, command: str = CONFIGURE, *, baked: bool = False, at: int = 0) -> Took:
    """Return a run."""
    return Took(command, machines, baked, seconds, at)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([], "not known yet"),
        ([took(59)], "about 1 minute, from 1 recorded run with 30 machines"),
        ([took(100, 1), took(300, 1), took(170, 1)], "about 3 minutes, from 3 recorded runs with 1 machine"),
        ([took(100, 2), took(300, 40)], "about 4 minutes, from 2 recorded runs with 2 to 40 machines"),
        # Those of another command, and those with another image, tell nothing.
        ([took(60, command=PROVISION), took(60, baked=True)], "not known yet"),
        # Of many, those with the nearest numbers of machines, and of these the last ones.
        ([took(900, 2)] * 9 + [took(240, 31)] * 5, "about 4 minutes, from 5 recorded runs with 31 machines"),
        (
            [took(900, at=number) for number in range(5)] + [took(240, at=9 + number) for number in range(5)],
            "about 4 minutes, from 5 recorded runs with 30 machines",
        ),
    ],
)
def test_the_next_run_is_expected_to_take_as_long_as_those_that_were_most_like_it(runs: list[Took], said: str) -> None:
    assert expected(runs, CONFIGURE, 30, baked=False) == said


def test_the_last_runs_are_kept_and_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    remember(str(tmp_path), took(60))
    path = tmp_path / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    line = json.loads(path.read_text())
    bad = [
        '{"at": 17',
        "null",
        "[1]",
        "\0",
        '{"at": 1}',
        json.dumps({**line, "machines": 0}),
        json.dumps({**line, "seconds": -4}),
        json.dumps({**line, "seconds": "soon"}),
        '{"at": 1, "baked": false, "command": "configure.yml", "machines": 1e999, "seconds": 1}',
    ]
    later = json.dumps({**line, "seconds": 70, "zone": "of a later version"})
    path.write_bytes(b"\xff\n" + "\n".join([path.read_text().strip(), *bad, later, '{"torn']).encode())
    remember(str(tmp_path), took(80))
    assert [run.seconds for run in recorded(str(tmp_path))] == [60, 70, 80]
    for number in range(MOST + 5):
        remember(str(tmp_path), took(1 + number))
    assert [run.seconds for run in recorded(str(tmp_path))] == list(range(6, MOST + 6))
    assert len(path.read_text().splitlines()) == MOST


def test_nothing_is_begun_where_the_class_has_no_folder_and_a_file_that_cannot_be_read_says_nothing(
    tmp_path: Path,
) -> None:
    remember(str(tmp_path / "none"), took(60))
    assert list(tmp_path.iterdir()) == []
    assert recorded(str(tmp_path / "none")) == []
    (tmp_path / FILE).mkdir()
    assert recorded(str(tmp_path)) == []
    with pytest.raises(OSError, match="directory"):
        remember(str(tmp_path), took(60))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
