"""Files come over lines that break, whole or not at all, and leave room on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.download import (
    KEPT_FREE,
    DownloadError,
    Space,
    Wanted,
    download,
)

from tests.support.data_files import CONTENT, Source, sha256


def fetch(
    source: Source, tmp_path: Path, content: bytes, free: int = 1 << 40, attempts: int = 5
) -> tuple[Path, list[float]]:
    partial, pauses = tmp_path / "partial", list[float]()
    download(
        Wanted(f"{source.url}/file", sha256(content)),
        str(partial),
        space=Space(str(tmp_path), lambda _: free),
        attempts=attempts,
        timeout=5,
        sleep=pauses.append,
    )
    return partial, pauses


def test_a_broken_line_is_taken_up_where_it_broke(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = CONTENT
    source.cuts = [700_000, 100_000]
    partial, pauses = fetch(source, tmp_path, CONTENT)
    assert partial.read_bytes() == CONTENT
    assert [asked for _, asked in source.asked] == [None, "bytes=700000-", "bytes=800000-"]
    assert pauses == [1, 2]


def test_a_killed_run_is_taken_up_by_the_next(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = CONTENT
    (tmp_path / "partial").write_bytes(CONTENT[:1000])
    assert fetch(source, tmp_path, CONTENT)[0].read_bytes() == CONTENT
    assert source.asked == [("/file", "bytes=1000-")]


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * (len(CONTENT) + 1), CONTENT])
def test_whatever_an_earlier_run_left_the_bytes_are_right(source: Source, tmp_path: Path, left: bytes) -> None:
    source.files["/file"] = CONTENT
    (tmp_path / "partial").write_bytes(left)
    assert fetch(source, tmp_path, CONTENT)[0].read_bytes() == CONTENT


def test_a_server_without_ranges_sends_it_all_again(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = CONTENT
    source.ranges_honoured = False
    source.cuts = [5000]
    assert fetch(source, tmp_path, CONTENT)[0].read_bytes() == CONTENT


def test_passing_trouble_is_waited_out(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = CONTENT
    source.answers = [503, 429]
    assert fetch(source, tmp_path, CONTENT)[1] == [1, 2]


def test_patience_ends(source: Source, tmp_path: Path) -> None:
    source.answers = [500] * 9
    with pytest.raises(DownloadError, match=r"answered 500 .*attempts: 3"):
        fetch(source, tmp_path, CONTENT, attempts=3)
    assert len(source.asked) == 3


def test_what_is_not_there_is_not_asked_for_twice(source: Source, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="answered 404"):
        fetch(source, tmp_path, CONTENT)
    assert len(source.asked) == 1


def test_other_bytes_are_refused_at_once_and_not_kept(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = b"other"
    with pytest.raises(DownloadError, match=f"expected sha256 {sha256(CONTENT)}, got {sha256(b'other')}"):
        fetch(source, tmp_path, CONTENT)
    assert len(source.asked) == 1
    assert not (tmp_path / "partial").exists()


def test_what_does_not_fit_is_not_begun(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = CONTENT
    with pytest.raises(DownloadError, match="no room: 1 MiB"):
        fetch(source, tmp_path, CONTENT, free=KEPT_FREE + len(CONTENT) - 1)
    assert not (tmp_path / "partial").exists()


def test_two_that_fit_one_by_one_do_not_fill_the_disk_together(tmp_path: Path) -> None:
    space = Space(str(tmp_path), lambda _: KEPT_FREE + 100)
    space.promise("a", 60)
    with pytest.raises(DownloadError, match="no room"):
        space.promise("b", 60)
    space.wrote("a", 60)
    space.promise("b", 60)
