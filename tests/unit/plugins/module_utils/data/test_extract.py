"""Archives become folders, and hostile ones nothing."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.download import (
    KEPT_FREE,
    DownloadError,
    Space,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.extract import ArchiveError, unpack

from tests.support.data_files import CSV, member, tar_of, zip_of

HOSTILE = {
    "absolute": tar_of(member("/evil", b"x")),
    "upwards": tar_of(member("a/../../evil", b"x")),
    "upwards in a zip": zip_of(("../evil", b"x")),
    "absolute in a zip": zip_of(("/evil", b"x")),
    "link out": tar_of(member("a", kind=tarfile.SYMTYPE, target="../evil")),
    "absolute link": tar_of(member("a", kind=tarfile.SYMTYPE, target="/etc/passwd")),
    "link out in a zip": zip_of(("a", b"../evil"), unix_mode=stat.S_IFLNK | 0o777),
    "link through a later link": tar_of(
        member("d", kind=tarfile.DIRTYPE),
        member("a", kind=tarfile.SYMTYPE, target="d/up/.."),
        member("d/up", kind=tarfile.SYMTYPE, target=".."),
    ),
    "file through a link": tar_of(member("a", kind=tarfile.SYMTYPE, target=".."), member("a/evil", b"x")),
    "file over a link": tar_of(member("a", kind=tarfile.SYMTYPE, target="../evil"), member("a", b"x")),
    "hard link out": tar_of(member("a", kind=tarfile.LNKTYPE, target="../evil")),
    "hard link to what is not in it": tar_of(member("a", kind=tarfile.LNKTYPE, target="b")),
    "device": tar_of(member("a", kind=tarfile.CHRTYPE)),
    "pipe": tar_of(member("a", kind=tarfile.FIFOTYPE)),
    "twice": tar_of(member("a", b"1"), member("a", b"2")),
    "file and folder": tar_of(member("a", b"1"), member("a/b", b"2")),
    "no archive": b"length,width\n" * 100,
    "cut short": tar_of(member("a", os.urandom(10_000)))[:-2000],
    "cut short, bz2": tar_of(member("a", os.urandom(10_000)), mode="w:bz2")[:-2000],
    "empty": b"",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    (tmp_path / "in").mkdir()
    with pytest.raises(ArchiveError):
        unpack(str(tmp_path / "archive"), str(tmp_path / "in" / "out"), room=lambda _: None)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["archive", "in"]


GENTLE = {
    "zip": zip_of(("deep/file.csv", CSV), ("top.csv", CSV)),
    **{
        kind: tar_of(member("./deep/file.csv", CSV), member("top.csv", CSV), mode=kind)
        for kind in ("w", "w:gz", "w:bz2", "w:xz")
    },
}


@pytest.mark.parametrize("content", GENTLE.values(), ids=GENTLE.keys())
def test_an_archive_becomes_a_folder_that_all_read_and_nobody_writes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    out, asked = tmp_path / "out", list[int]()
    umask = os.umask(0o077)
    try:
        unpack(str(tmp_path / "archive"), str(out), room=asked.append)
    finally:
        os.umask(umask)
    assert {path.relative_to(out).as_posix(): f"{path.stat().st_mode & 0o7777:o}" for path in out.rglob("*")} == {
        "deep": "755",
        "deep/file.csv": "444",
        "top.csv": "444",
    }
    assert (out / "deep" / "file.csv").read_bytes() == CSV
    assert asked == [len(CSV), len(CSV)]


def test_links_within_an_archive_are_kept(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(
        tar_of(
            member("data/real.csv", CSV),
            member("soft.csv", kind=tarfile.SYMTYPE, target="data/real.csv"),
            member("hard.csv", kind=tarfile.LNKTYPE, target="data/real.csv"),
        )
    )
    unpack(str(tmp_path / "archive"), str(tmp_path / "out"), room=lambda _: None)
    assert (tmp_path / "out" / "soft.csv").read_bytes() == CSV
    assert (tmp_path / "out" / "hard.csv").read_bytes() == CSV


def test_an_archive_that_does_not_fit_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(tar_of(member("bomb", b"\0" * 10_000_000)))
    space = Space(str(tmp_path), lambda _: KEPT_FREE + 1_000_000)
    with pytest.raises(DownloadError, match="no room"):
        unpack(str(tmp_path / "archive"), str(tmp_path / "out"), room=lambda size: space.promise("it", size))
    assert not (tmp_path / "out").exists()
