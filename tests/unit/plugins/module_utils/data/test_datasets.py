"""The data sets' way from a real HTTP server to the shelf."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import read_datasets
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.download import (
    KEPT_FREE,
    DownloadError,
    Space,
    Wanted,
    download,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.extract import ArchiveError, unpack
from ansible_collections.machine_learning.classroom.plugins.modules import datasets as datasets_module

from tools import PROJECT

CONTENT = bytes(range(256)) * 4096  # 1 MiB
CSV = b"length,width\n5.1,3.5\n"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Source:
    """A web server on loopback whose files, moods and visitors a test knows."""

    def __init__(self) -> None:
        """Serve from now on."""
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        """After so many bytes the line breaks, once for each number."""
        self.answers: list[int] = []
        """These statuses come first."""
        self.ranges_honoured = True
        self.asked: list[tuple[str, str | None]] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                source.answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one visitor."""
        asked = handler.headers.get("Range")
        self.asked.append((handler.path, asked))
        content = self.files.get(handler.path)
        if self.answers or content is None:
            handler.send_error(self.answers.pop(0) if self.answers else 404)
            return
        begin = 0
        if asked and self.ranges_honoured:
            begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]  # no match is a bug
            if begin >= len(content):
                handler.send_error(416)
                return
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Length", str(len(content) - begin))
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        handler.end_headers()
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(content[begin : begin + self.cuts.pop(0)] if self.cuts else content[begin:])
        handler.close_connection = True


@pytest.fixture
def source() -> Iterator[Source]:
    server = Source()
    yield server
    server.close()


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


def tar_of(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]  # `mode` is any text
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "") -> Any:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, content


def zip_of(*members: tuple[str, bytes], unix_mode: int = 0o100777) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = unix_mode << 16
            archive.writestr(info, content)
    return out.getvalue()


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


class Machine:
    """The module `datasets` on a machine of its own."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Keep everything below `tmp_path`; the module's answer is read from `capsys`."""
        self.data = tmp_path / "machine_learning_aws" / "data"
        self._record = tmp_path / "lib" / "data.json"
        self._capsys = capsys

    def run(self, *entries: dict[str, Any], check: bool = False, **args: Any) -> dict[str, Any]:
        """Run the module for these entries and return its result."""
        given = {
            "datasets": list(entries),
            "directory": str(self.data),
            "record": str(self._record),
            "owner": getpass.getuser(),
            "attempts": 1,
            "_ansible_check_mode": check,
            **args,
        }
        with patch_module_args(given), pytest.raises(SystemExit):
            datasets_module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result

    def tree(self) -> dict[str, str]:
        """Return the mode of everything on the shelf."""
        return {
            path.relative_to(self.data).as_posix(): f"{path.lstat().st_mode & 0o7777:o}"
            for path in sorted(self.data.rglob("*"))
        }


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    return Machine(tmp_path, capsys)


Entry = Callable[..., dict[str, Any]]


@pytest.fixture
def entry(source: Source) -> Entry:
    def offer(name: str, content: bytes, **more: Any) -> dict[str, Any]:
        """Serve `content` and return the entry for it."""
        source.files[f"/{name}"] = content
        return {"name": name.split(".")[0], "url": f"{source.url}/{name}", "sha256": sha256(content), **more}

    return offer


def test_first_everything_then_nothing_to_do(machine: Machine, source: Source, entry: Entry) -> None:
    entries = [entry("iris.csv", CSV), entry("wine_data.csv", CONTENT, file="wine.csv")]
    entries.append(entry("flowers.zip", zip_of(("deep/a.csv", CSV)), unpack=True))
    assert machine.run(*entries, check=True)["changed"]
    assert not machine.data.exists()
    assert not source.asked
    assert machine.run(*entries)["changed"]
    expected = {"iris.csv": "444", "wine.csv": "444"}
    expected |= {"flowers": "755", "flowers/deep": "755", "flowers/deep/a.csv": "444"}
    assert machine.tree() == expected
    assert machine.data.stat().st_mode & 0o7777 == 0o755
    asked = len(source.asked)
    again = machine.run(*entries)
    assert (again["changed"], again["changes"]) == (False, [])
    assert len(source.asked) == asked


@pytest.mark.parametrize("harm", ["changed", "deleted", "opened", "replaced by a link"])
@pytest.mark.parametrize("place", ["iris.csv", "flowers/deep/a.csv"])
def test_what_was_harmed_is_mended(machine: Machine, entry: Entry, harm: str, place: str) -> None:
    entries = [entry("iris.csv", CSV), entry("flowers.tgz", tar_of(member("deep/a.csv", CSV)), unpack=True)]
    machine.run(*entries)
    before = machine.tree()
    harmed = machine.data / place
    if harm == "opened":
        harmed.chmod(0o666)
    elif harm == "changed":
        status = harmed.stat()
        harmed.chmod(0o644)
        harmed.write_bytes(CSV.replace(b"5", b"6"))
        harmed.chmod(0o444)
        os.utime(harmed, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        harmed.unlink()
        if harm != "deleted":
            harmed.symlink_to("/etc/passwd")
    assert machine.run(*entries, check=True)["changed"]
    assert machine.run(*entries)["changed"]
    assert (machine.tree(), harmed.read_bytes()) == (before, CSV)
    assert not machine.run(*entries)["changed"]


def test_a_copy_of_the_machine_has_nothing_to_do(machine: Machine, source: Source, entry: Entry) -> None:
    iris = entry("iris.csv", CSV)
    machine.run(iris)
    copy = machine.data / "copy"
    copy.write_bytes(CSV)
    copy.chmod(0o444)
    copy.rename(machine.data / "iris.csv")
    assert not machine.run(iris)["changed"]
    assert len(source.asked) == 1


def test_what_left_the_list_goes_and_what_came_otherwise_stays(machine: Machine, entry: Entry) -> None:
    iris, flowers = entry("iris.csv", CSV), entry("flowers.zip", zip_of(("a.csv", CSV), ("b/c.csv", CSV)), unpack=True)
    machine.run(iris, flowers)
    (machine.data / "own.csv").write_bytes(b"the instructor's")
    (machine.data / "flowers" / "own.csv").write_bytes(b"the instructor's")
    assert machine.run(check=True)["changed"]
    assert "iris.csv" in machine.tree()
    assert machine.run()["changed"]
    assert set(machine.tree()) == {"own.csv", "flowers", "flowers/own.csv"}
    assert not machine.run()["changed"]


def test_a_new_edition_takes_the_place_of_the_old(machine: Machine, entry: Entry) -> None:
    machine.run(entry("flowers.zip", zip_of(("old.csv", CSV)), unpack=True), entry("iris.csv", CSV))
    machine.run(entry("flowers.zip", zip_of(("new.csv", CSV)), unpack=True), entry("iris.csv", CONTENT))
    assert set(machine.tree()) == {"flowers", "flowers/new.csv", "iris.csv"}
    assert (machine.data / "iris.csv").read_bytes() == CONTENT


def test_a_folder_of_the_instructors_is_not_replaced(machine: Machine, entry: Entry) -> None:
    (machine.data / "flowers").mkdir(parents=True)
    (machine.data / "flowers" / "own.csv").write_bytes(b"the instructor's")
    result = machine.run(entry("flowers.zip", zip_of(("a.csv", CSV)), unpack=True))
    assert "Data set flowers: " in result["msg"]
    assert "in the way" in result["msg"]
    assert (machine.data / "flowers" / "own.csv").exists()


def test_a_mirror_is_asked_instead(machine: Machine, source: Source) -> None:
    source.files[f"/mirror/data/{sha256(CSV)}/wine%20data.csv"] = CSV
    url = "https://example.invalid/some/wine%20data.csv?raw=true"
    wine = {"name": "wine", "url": url, "sha256": sha256(CSV), "file": "wine.csv"}
    machine.run(wine, mirror_url=f"{source.url}/mirror/")
    assert set(machine.tree()) == {"wine.csv"}


def test_trouble_is_told_in_five_lines_and_the_rest_is_in_place(machine: Machine, entry: Entry) -> None:
    wrong = [{**entry(f"wrong{number}.csv", CONTENT), "sha256": f"{number:064}"} for number in range(3)]
    result = machine.run(*wrong, entry("iris.csv", CSV))
    assert result["failed"]
    assert set(machine.tree()) == {"iris.csv"}
    assert len(result["msg"].splitlines()) == 5
    for said in (
        "wrong0",
        f"expected sha256 {0:064}",
        sha256(CONTENT),
        wrong[0]["url"],
        "\nAnd 1 more. ",
        "configure.yml",
    ):
        assert said in result["msg"]


def test_an_unreachable_server_is_named(machine: Machine, source: Source) -> None:
    source.close()
    result = machine.run({"name": "iris", "url": f"{source.url}/iris.csv", "sha256": sha256(CSV)})
    assert result["msg"].startswith("Data set iris: the server cannot be reached ([Errno 111] Connection refused)")
    assert f"{source.url}/iris.csv" in result["msg"]


GOOD = {"name": "iris", "url": "https://example.org/iris.csv", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{**GOOD, "name": "../iris"}], "its name"),
        ([{**GOOD, "url": "file:///etc/shadow"}], "https://"),
        ([{**GOOD, "sha256": "12"}], "sha256sum"),
        ([{**GOOD, "file": "../iris.csv"}], "file: iris.csv"),
        ([{**GOOD, "file": ".incoming"}], "file: iris.csv"),
        ([{**GOOD, "url": "https://example.org/"}], "file: iris.csv"),
        ([GOOD, {**GOOD, "name": "other", "sha256": "1" * 64}], "iris and other are both iris.csv"),
        ([GOOD, {**GOOD, "name": "other", "file": "other.csv"}], "iris and other are both sha256"),
    ],
)
def test_a_wrong_entry_is_refused_in_words(machine: Machine, entries: list[dict[str, Any]], said: str) -> None:
    result = machine.run(*entries)
    assert said in result["msg"]
    assert not machine.data.exists()


def test_the_list_of_the_project_is_sound() -> None:
    entries = yaml.safe_load((PROJECT / "data" / "datasets.yml").read_text())["datasets"]
    assert len(read_datasets(entries)) >= 3
    assert all(entry["license"] and entry["source"] and entry["description"] for entry in entries)
