"""Files come over lines that break, whole or not at all, and leave room on the disk."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from pathlib import Path
from typing import NoReturn

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.data import download as download_module
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


PAGE = "a web page, about the file or to log in. Take the address"
INSTEAD = {
    "a web page": (b"<!DOCTYPE html>\n<html>", PAGE),
    "one in capitals, behind blanks": (b"\n  <HTML LANG='de'>", PAGE),
    "one with a byte order mark": (b"\xef\xbb\xbf<!doctype HTML>", PAGE),
    "one in UTF-16": ("<!doctype html>".encode("utf-16"), PAGE),
    "one behind a comment": (b"<!-- saved from a portal -->\n<html>", PAGE),
    "one of XHTML": (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">', PAGE),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer, which"),
    "a git-annex pointer": (b"/annex/objects/SHA256E-s123--0.csv\n", "a git-annex pointer, which"),
    "a git-annex link": (b"../.git/annex/objects/x1/2Q/MD5E-s1--0.csv/MD5E-s1--0.csv", "a git-annex pointer, which"),
    "nothing": (b"", "an empty file. Look whether"),
}


@pytest.mark.parametrize(("content", "said"), INSTEAD.values(), ids=INSTEAD.keys())
def test_what_comes_in_place_of_data_is_named_and_not_asked_for_twice(
    source: Source, tmp_path: Path, content: bytes, said: str
) -> None:
    source.files["/file"] = content
    source.length_said = False  # so that alone the content tells that it is useless to ask again
    with pytest.raises(DownloadError, match=f"got {sha256(content)}, of {said}"):
        fetch(source, tmp_path, CONTENT)
    assert len(source.asked) == 1


@pytest.mark.parametrize("content", [b"<name>,<html>\n1,2\n", b"<svg></svg>", b"a comment on <html>\n", b"version 1\n"])
def test_data_that_looks_a_little_like_it_is_only_other_data(source: Source, tmp_path: Path, content: bytes) -> None:
    source.files["/file"] = content
    with pytest.raises(DownloadError, match=rf"got {sha256(content)}$"):
        fetch(source, tmp_path, CONTENT)


def test_other_bytes_that_come_twice_are_not_asked_for_again(source: Source, tmp_path: Path) -> None:
    source.files["/file"] = b"other"
    source.length_said = False
    with pytest.raises(DownloadError, match="wrong checksum"):
        fetch(source, tmp_path, CONTENT)
    assert len(source.asked) == 2


NOWHERE = ["http://127.0.0.1:x/a", "http://127.0.0.1:99999/a", "http://a..b/", "http://[::1/a", "ftp://127.0.0.1/a"]


@pytest.mark.parametrize("location", NOWHERE)
def test_an_address_that_is_none_is_not_asked_for_twice(source: Source, tmp_path: Path, location: str) -> None:
    source.moved["/file"] = location
    with pytest.raises(DownloadError) as refused:
        fetch(source, tmp_path, CONTENT)
    assert "attempts" not in str(refused.value)
    assert len(source.asked) == 1


EXPIRED = ssl.SSLCertVerificationError(1, "certificate verify failed")
EXPIRED.verify_message = "certificate has expired"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "there is no server of that name"),
        (EXPIRED, r"certificate is not to be trusted \(certificate has expired\)"),
    ],
)
def test_a_server_that_will_not_be_another_is_not_asked_twice(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: OSError, said: str
) -> None:
    tried = []

    def fail(*_: object, **__: object) -> NoReturn:
        tried.append(reason)
        raise urllib.error.URLError(reason)

    monkeypatch.setattr(download_module._OPENER, "open", fail)
    with pytest.raises(DownloadError, match=said):
        fetch(source, tmp_path, CONTENT)
    assert len(tried) == 1


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
