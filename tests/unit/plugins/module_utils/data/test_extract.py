"""Archives become folders, and hostile ones nothing."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
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
    "upwards by backslashes": zip_of(("..\\evil", b"x")),
    "upwards by backslashes, later": zip_of(("a\\..\\..\\evil", b"x")),
    "upwards by both": zip_of(("a/..\\../evil", b"x")),
    "absolute by a backslash": zip_of(("\\evil", b"x")),
    "a share of Windows": zip_of(("\\\\host\\share\\evil", b"x")),
    "a drive of Windows": zip_of(("C:\\evil", b"x")),
    "upwards by backslashes in a tar": tar_of(member("..\\evil", b"x")),
    "link out by backslashes": tar_of(member("a", kind=tarfile.SYMTYPE, target="..\\evil")),
    "link out by backslashes in a zip": zip_of(("a", b"..\\evil"), unix_mode=stat.S_IFLNK | 0o777),
    "hard link out by backslashes": tar_of(member("a", kind=tarfile.LNKTYPE, target="..\\evil")),
    "twice, by slash and by backslash": zip_of(("a/b", b"1"), ("a\\b", b"2")),
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


CASE = Path(__file__).with_name("cases") / "backslashes_as_separators.zip"
BY_WINDOWS = {
    "the case": (CASE.read_bytes(), {"data", "data/a.csv", "data/b.csv"}),
    "folders of their own": (
        zip_of(("data\\", b""), ("data\\deep\\", b""), ("data\\deep\\a.csv", CSV)),
        {"data", "data/deep", "data/deep/a.csv"},
    ),
    "both kinds": (zip_of(("data/a.csv", CSV), ("data\\b.csv", CSV)), {"data", "data/a.csv", "data/b.csv"}),
    "a tar": (tar_of(member("data\\a.csv", CSV)), {"data", "data/a.csv"}),
    "here": (zip_of((".\\data\\a.csv", CSV)), {"data", "data/a.csv"}),
}


@pytest.mark.parametrize(("content", "paths"), BY_WINDOWS.values(), ids=BY_WINDOWS.keys())
def test_backslashes_make_folders(tmp_path: Path, content: bytes, paths: set[str]) -> None:
    (tmp_path / "archive").write_bytes(content)
    out = tmp_path / "out"
    unpack(str(tmp_path / "archive"), str(out), room=lambda _: None)
    assert {path.relative_to(out).as_posix() for path in out.rglob("*")} == paths


def test_a_folder_that_only_its_attribute_marks_is_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        folder = zipfile.ZipInfo("data")
        folder.create_system, folder.external_attr = 0, 0x10
        archive.writestr(folder, b"")
        archive.writestr("data\\a.csv", CSV)
    unpack(str(tmp_path / "archive"), str(tmp_path / "out"), room=lambda _: None)
    assert (tmp_path / "out" / "data" / "a.csv").read_bytes() == CSV


def test_names_of_a_mac_are_read_as_it_wrote_them(tmp_path: Path) -> None:
    content = zip_of(("f__r/a.csv", CSV)).replace(b"f__r", "für".encode())
    (tmp_path / "archive").write_bytes(content)
    unpack(str(tmp_path / "archive"), str(tmp_path / "out"), room=lambda _: None)
    assert [path.name for path in tmp_path.glob("out/*")] == ["für"]


def method_of(content: bytes, method: int) -> bytes:
    """Say that the one member of a zip archive is packed by another method."""
    with_local = content[:8] + struct.pack("<H", method) + content[10:]
    at = with_local.index(b"PK\x01\x02") + 10
    return with_local[:at] + struct.pack("<H", method) + with_local[at + 2 :]


SAID = {
    "Deflate64": (method_of(zip_of(("a.csv", CSV)), 9), "a.csv in it is packed by Deflate64 (so does the Explorer of"),
    "Deflate64, remedy": (method_of(zip_of(("a.csv", CSV)), 9), "Make the archive anew with Deflate, as 7-Zip does"),
    "PPMd": (method_of(zip_of(("a.csv", CSV)), 98), "a.csv in it is packed by PPMd. Make the archive anew"),
    "unheard of": (method_of(zip_of(("a.csv", CSV)), 77), "a.csv in it is packed by method 77. Make the archive anew"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "it is no zip or tar archive, but a 7z archive"),
    "RAR": (b"Rar!\x1a\x07\x01\x00" + bytes(50), "it is no zip or tar archive, but a RAR archive"),
    "a file by gzip": (gzip.compress(CSV), "it is no zip or tar archive, but a single file packed by gzip"),
    "a zip without its end": (zip_of(("a.csv", CSV))[:-30], "the beginning of a zip archive, whose end is missing"),
    "a name of 300 letters": (zip_of((f"data/{'x' * 300}.csv", CSV)), "a name in it is longer than 255 bytes: 'xxx"),
    "a name of 200 umlauts": (tar_of(member("\u00fc" * 200, CSV)), "a name in it is longer than 255 bytes: '\u00fc"),
    "a web page": (b"\n<html lang='en'>", "it is no zip or tar archive, but a web page"),
    "a table": (CSV, "it is no zip or tar archive"),
}


@pytest.mark.parametrize(("content", "said"), SAID.values(), ids=SAID.keys())
def test_an_archive_that_is_not_unpacked_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(ArchiveError) as refused:
        unpack(str(tmp_path / "archive"), str(tmp_path / "out"), room=lambda _: None)
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


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
