"""Collecting work: what a machine packs, what a home receives, and all that may go wrong between."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import file_names, secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector, entries, errors
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import home as home_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import manifest as manifest_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import pack as pack_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import Entry
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.student_report import Report
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.machine_and_home import QUICK, Tree, Way, old, tree
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

ADA = Owner("ml101", "ada@example.com")
NOTEBOOK = b'{"cells": [], "nbformat": 4}'


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    """Return a way in memory, whose pauses are short."""
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as base:
        yield Way(Path(base))


@pytest.fixture
def way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Return a way whose pauses are short; change times cannot be set, so quiet must come soon."""
    monkeypatch.setattr(collector, "QUIET_S", 0.05)
    return Way(tmp_path)


# ── What comes home ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_collect_brings_everything_and_the_second_nothing(way: Way) -> None:
    (way.machine / "sub" / "empty").mkdir(parents=True)
    (way.machine / "a.ipynb").write_bytes(NOTEBOOK)
    (way.machine / "sub" / "run.sh").write_text("#!/bin/sh\r\n")
    (way.machine / "sub" / "run.sh").chmod(0o6755)
    (way.machine / "zero").touch(mode=0o000)
    old(way.machine / "a.ipynb")
    manifest, counts = way.collect()
    assert tree(way.mine) == tree(way.machine)
    assert (manifest.files, counts.new, counts.changed, counts.removed) == (3, 3, 0, 0)
    assert (way.mine / "sub" / "run.sh").stat().st_mode & 0o7777 == 0o700
    assert (way.mine / "zero").stat().st_mode & 0o7777 == 0o600
    assert (way.mine / "a.ipynb").stat().st_mtime == 1_700_000_000
    time.sleep(0.1)
    way.collect()  # what was written just before is looked at once more
    manifest, counts = way.collect()
    assert (manifest.put, manifest.gone, counts.any()) == ({}, [], False)
    assert list(way.home.glob(".incoming-*")) == []


def test_replaced_and_deleted_files_are_kept_with_their_content(way: Way) -> None:
    (way.machine / "sub").mkdir()
    (way.machine / "sub" / "a.py").write_text("one")
    (way.machine / "gone.py").write_text("gone")
    way.collect()
    (way.machine / "sub" / "a.py").write_text("two!")
    (way.machine / "gone.py").unlink()
    _, counts = way.collect()
    assert (counts.new, counts.changed, counts.removed) == (0, 1, 1)
    assert tree(way.mine) == tree(way.machine)
    newest, before = way.kept().values()
    assert newest == tree(way.machine)
    assert {path for path in before if before[path] != newest.get(path)} == {b"sub/a.py", b"gone.py"}
    assert before[b"sub/a.py"] == ("file", digest(b"one"))


def test_a_file_edited_or_added_at_home_is_kept_and_the_students_comes_back(way: Way) -> None:
    (way.machine / "a.py").write_text("student")
    way.collect()
    (way.mine / "a.py").write_text("teacher")
    (way.mine / "note.txt").write_text("well done")
    _, counts = way.collect()
    assert tree(way.mine) == tree(way.machine)
    assert {digest(b"teacher"), digest(b"well done")} <= way.kept_contents()
    assert [version.kind for version in way.history().versions()] == ["Collected", "Found at home", "Collected"]
    assert (counts.changed, counts.removed) == (1, 1)


def test_a_new_time_or_mode_is_set_without_sending_the_file(way: Way) -> None:
    (way.machine / "a.py").write_text("x")
    way.collect()
    (way.machine / "a.py").chmod(0o755)
    old(way.machine / "a.py")
    manifest, pack, home = way.manifest()
    assert pack == ""
    assert home.foresee(manifest).adjusted == 1
    counts = home.receive(manifest, pack)
    assert (counts.adjusted, counts.changed) == (1, 0)
    assert len({str(version) for version in way.kept().values()}) == 1
    assert (way.mine / "a.py").stat().st_mode & 0o777 == 0o700
    assert (way.mine / "a.py").stat().st_mtime == 1_700_000_000


def test_without_its_record_nothing_is_sent_twice(way: Way) -> None:
    (way.machine / "a.py").write_text("x")
    (way.machine / "l").symlink_to("a.py")
    way.collect()
    (way.home / ".records" / "ada.json").write_text('{"version": 1, "files": [')
    manifest, pack, home = way.manifest()
    assert pack == ""
    assert not home.receive(manifest, pack).any()


def test_a_kind_that_changes_is_followed_and_the_old_kept(way: Way) -> None:
    (way.machine / "a").mkdir()
    (way.machine / "a" / "b").write_text("b")
    (way.machine / "c").write_text("c")
    (way.machine / "d").symlink_to("c")
    way.collect()
    (way.machine / "a" / "b").unlink()
    (way.machine / "a").rmdir()
    (way.machine / "a").write_text("now a file")
    (way.machine / "c").unlink()
    (way.machine / "c" / "x").mkdir(parents=True)
    (way.machine / "c" / "x" / "y").write_text("y")
    (way.machine / "d").unlink()
    (way.machine / "d").write_text("now a file")
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    newest, before = way.kept().values()
    assert newest == tree(way.machine)
    assert before[b"d"] == ("link", b"c")


def test_two_collects_in_one_second_keep_both_histories(way: Way) -> None:
    for content in ("one", "two2", "three"):
        (way.machine / "a").write_text(content)
        way.collect()
    kept = [version[b"a"][1] for version in way.kept().values()]
    assert kept == [digest(b"three"), digest(b"two2"), digest(b"one")]


def test_a_file_edited_at_home_during_the_collect_shows_at_the_next(way: Way) -> None:
    (way.machine / "a.py").write_text("student")
    way.collect()
    (way.machine / "b.py").write_text("b")
    manifest, pack, home = way.manifest()
    (way.mine / "a.py").write_text("teacher")
    home.receive(manifest, pack)
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    assert digest(b"teacher") in way.kept_contents()


def test_a_pipe_at_home_is_in_nobodys_way(way: Way) -> None:
    (way.machine / "a").mkdir()
    (way.machine / "a" / "b").write_text("b")
    way.collect()
    os.mkfifo(way.mine / "a" / "pipe")  # so that the folder is not empty when the file takes its place
    (way.machine / "a" / "b").unlink()
    (way.machine / "a").rmdir()
    (way.machine / "a").write_text("a")
    way.collect()
    assert tree(way.mine) == tree(way.machine)


def test_what_came_home_since_we_looked_is_not_removed(way: Way) -> None:
    (way.machine / "a").mkdir()
    (way.machine / "a" / "b").write_text("b")
    way.collect()
    (way.machine / "a" / "b").unlink()
    (way.machine / "a").rmdir()
    manifest, pack, home = way.manifest()
    (way.mine / "a" / "note").write_text("teacher's")
    with pytest.raises(WorkError, match=r"ada/a was changed during the collect\. Run again"):
        home.receive(manifest, pack)
    assert (way.mine / "a" / "note").read_text() == "teacher's"
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    assert digest(b"teacher's") in way.kept_contents()


def test_a_missing_file_at_home_comes_again(way: Way) -> None:
    (way.machine / "a").write_text("x")
    way.collect()
    (way.mine / "a").unlink()
    way.collect()
    assert tree(way.mine) == tree(way.machine)


def test_a_forged_time_hides_no_change(way: Way) -> None:
    (way.machine / "a").write_text("one")
    old(way.machine / "a")
    way.collect()
    time.sleep(0.1)
    way.collect()
    (way.machine / "a").write_text("two")
    old(way.machine / "a")
    way.collect()
    assert (way.mine / "a").read_text() == "two"


# ── Hostile content ──────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = [
    b"new\nline",
    b"\xff\xfe",
    b"-rf",
    b"--help",
    b"{{ lookup('pipe','id') }}",
    b" ",
    b"\\",
    b"a" * 255,
    b"\x01\x1b[2J",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_home_as_it_is(way: Way, name: bytes) -> None:
    folder = os.path.join(os.fsencode(way.machine), name)
    os.mkdir(folder)
    for inner in NAMES:
        with open(os.path.join(folder, inner), "wb") as out:
            out.write(inner)
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    shown = file_names.printable(file_names.text(name))
    assert shown.isprintable()
    shown.encode()


def test_git_folders_ignore_files_and_line_ends_are_plain_files(way: Way) -> None:
    (way.machine / ".git" / "objects").mkdir(parents=True)
    (way.machine / ".git" / "HEAD").write_bytes(b"ref: refs/heads/main\n")
    (way.machine / ".gitignore").write_bytes(b"*\r\n")
    (way.machine / ".gitattributes").write_bytes(b"* text=auto eol=lf\n")
    (way.machine / "crlf.csv").write_bytes(b"a\r\nb\r\n")
    way.collect()
    assert tree(way.mine) == tree(way.machine)


def test_links_stay_links_and_lead_nowhere(way: Way, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("key")
    for name, target in (("out", secret), ("up", Path("..")), ("loop", Path("loop")), ("dangling", Path("nowhere"))):
        (way.machine / name).symlink_to(target)
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    (way.machine / "out").unlink()
    (way.machine / "out").mkdir()
    (way.machine / "out" / "key").write_text("student's")
    way.collect()
    assert (secret / "key").read_text() == "key"
    assert tree(way.mine) == tree(way.machine)


def test_a_student_folder_that_is_a_link_is_refused_on_both_sides(way: Way, tmp_path: Path) -> None:
    (tmp_path / "machine" / "bob").symlink_to("/etc")
    with (
        secure_files.open_root(str(tmp_path / "machine")) as top,
        pytest.raises(OSError),  # noqa: PT011 - ELOOP or ENOTDIR
        secure_files.open_folder(top, "bob"),
    ):
        pass
    (way.machine / "passwd").symlink_to("/etc/passwd")
    with (
        secure_files.open_root(str(way.machine)) as root,
        pytest.raises(OSError, match="symbolic"),
        secure_files.open_file(root, "passwd"),
    ):
        pass
    way.home.mkdir()
    way.mine.symlink_to("/etc")
    with pytest.raises(WorkError, match="in the way"):
        way.student().known()


def test_pipes_sockets_and_devices_are_named_and_never_opened(way: Way) -> None:
    os.mkfifo(way.machine / "pipe")
    here = os.getcwd()
    os.chdir(way.machine)  # a socket's path may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
    os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(way.machine / "zero", 0o600 | 0o020000, os.makedev(1, 5))
    (way.machine / "a").write_text("a")
    started = time.monotonic()
    manifest, _ = way.collect()
    assert time.monotonic() - started < 3
    assert {"pipe", "sock"} <= manifest.special.keys()
    assert "zero" not in os.listdir(way.mine)
    assert sorted(os.listdir(way.mine)) == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another account's file")
def test_a_hard_link_to_another_accounts_file_is_not_handed_out(way: Way, tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("root's")
    os.link(tmp_path / "shadow", way.machine / "mine.txt")
    (way.machine / "own").write_text("own")
    os.link(way.machine / "own", way.machine / "own2")
    for path in (way.machine, way.machine / "own"):
        os.chown(path, 12345, 12345)
    manifest, _ = way.collect()
    assert manifest.special == {"mine.txt": "a hard link to a file of another account"}
    assert sorted(os.listdir(way.mine)) == ["own", "own2"]


def test_a_sparse_file_stays_small_and_a_too_large_one_is_named(way: Way) -> None:
    with open(way.machine / "sparse", "wb") as out:
        out.write(b"head")
        out.seek(200 << 20)
        out.write(b"tail")
    with open(way.machine / "huge", "wb") as out:
        out.truncate(1 << 42)
    manifest, _ = way.collect(largest=300 << 20)
    assert list(manifest.left) == ["huge"]
    assert tree(way.mine) == tree_without(way.machine, "huge")
    assert (way.mine / "sparse").stat().st_blocks * 512 < 4 << 20
    report = Report("ada")
    report.note_manifest(manifest)
    report.conclude()
    assert not report.verified
    assert "huge" in report.reason


def tree_without(folder: Path, name: str) -> Tree:
    (folder / name).unlink()
    return tree(folder)


def test_a_file_that_grew_too_large_stays_home_as_it_was(way: Way) -> None:
    (way.machine / "a").write_text("small")
    way.collect()
    (way.machine / "a").write_text("large" * 100)
    manifest, counts = way.collect(largest=100)
    assert "a" in manifest.left
    assert (way.mine / "a").read_text() == "small"
    assert counts.removed == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount")
def test_another_file_system_is_named_and_not_entered(way: Way) -> None:
    (way.machine / "disk").mkdir()
    (way.machine / "disk" / "below").write_text("below")
    way.collect()
    try:
        mount = Mount(way.machine / "disk", "1m")
    except subprocess.CalledProcessError:
        pytest.skip("may not mount here")
    try:
        (way.machine / "disk" / "a").write_text("a")
        manifest, _ = way.collect()
        assert manifest.left == {"disk": "another file system is mounted there"}
        assert manifest.gone == []
    finally:
        mount.close()


def test_folders_that_are_too_deep_are_named(way: Way) -> None:
    here = os.open(way.machine, os.O_RDONLY)
    for _ in range(2 * entries.DEEPEST):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (way.machine / "a").write_text("a")
    manifest, _ = way.collect()
    assert len(manifest.left) == 1
    assert (way.mine / "a").exists()


def test_a_folder_swapped_for_a_link_during_the_walk_leads_nowhere(way: Way, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("SECRET")
    (way.machine / "d").mkdir()
    (way.machine / "d" / "secret").write_text("student")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (way.machine / "d").rename(way.machine / "e")
            (way.machine / "d").symlink_to(outside)
            (way.machine / "d").unlink()
            (way.machine / "e").rename(way.machine / "d")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(5):
            way.collect()
            assert all(p.read_text() != "SECRET" for p in way.mine.rglob("secret") if not p.parent.is_symlink())
    finally:
        stop.set()
        swapper.join()
    way.collect()
    assert tree(way.mine) == tree(way.machine)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a//b", ".", "a/..", "", "a\0b"])
def test_a_path_that_leaves_its_folder_is_refused(path: str) -> None:
    for manifest in (Manifest(put={path: (entries.A_FOLDER, -1)}), Manifest(gone=[path])):
        with pytest.raises(ValueError, match="impossible path"):
            Manifest.unpacked(manifest.packed())


@pytest.mark.parametrize("name", ["..", ".", "", "-rf", "a/b", ".history", "a\n", "x" * 65])
def test_a_name_that_is_no_folder_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(WorkError, match="no username"):
        StudentHome("home", name, ADA)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "xx",
        "!",
        manifest_module.pack_json([]),
        manifest_module.pack_json({"put": {"a": ["f"]}}),
        manifest_module.pack_json({"put": {}, "evil": 1}),
    ]
    + [
        manifest_module.pack_json({"put": {"a": row}})
        for row in (["f", -1, 0, 0, 0, 0, "", 0], ["x", 1, 0, 0, 0, 0, "", 0])
    ]
    + [
        manifest_module.pack_json({"put": {}, key: value})
        for key, value in (("gone", [1]), ("files", "1"), ("left", {"a": 1}))
    ],
)
def test_an_answer_that_is_none_is_a_sentence(answer: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Manifest.unpacked(answer)


def test_a_lying_pack_brings_nothing_home(way: Way) -> None:
    (way.machine / "a").write_text("truth")
    (way.machine / "b").write_text("truth too")
    manifest, pack, home = way.manifest()
    with gzip.open(pack, "wb") as out:
        out.write(b"lies!lies lies")
    with pytest.raises(WorkError, match="did not arrive as it was sent"):
        home.receive(manifest, pack)
    Path(pack).write_bytes(Path(pack).read_bytes()[:20])
    with pytest.raises(WorkError, match="damaged"):
        home.receive(manifest, pack)
    with pytest.raises(WorkError, match="did not send"):
        home.receive(manifest, "")
    assert tree(way.mine) == {}
    assert list(way.home.glob(".incoming-*")) == []


# ── Files that are being written ─────────────────────────────────────────────────────────────────────────────────────


def test_a_broken_notebook_comes_home_and_stays_marked(way: Way) -> None:
    for name, content in {"half.ipynb": NOTEBOOK[:9], "empty.ipynb": b"", "deep.ipynb": b"[" * 100_000}.items():
        (way.machine / name).write_bytes(content)
    for _ in range(2):
        way.collect()
        home = way.student()
        home.known()
        assert home.broken == {"half.ipynb", "empty.ipynb", "deep.ipynb"}
    assert tree(way.mine) == tree(way.machine)
    (way.machine / "half.ipynb").write_bytes(NOTEBOOK)
    (way.machine / "empty.ipynb").unlink()
    way.collect()
    home.known()
    assert home.broken == {"deep.ipynb"}


def writer(path: Path, body: bytes, stop: threading.Event, pause: float) -> None:
    """Save like Jupyter: empty the file, then write it in pieces."""
    count = 0
    while not stop.is_set():
        data = body.replace(b"COUNT", b"%d" % count)
        with open(path, "wb", buffering=0) as out:
            for start in range(0, len(data), 65536):
                out.write(data[start : start + 65536])
                time.sleep(pause)
        count += 1
        time.sleep(pause * 4)


@contextmanager
def written(path: Path, body: bytes) -> Iterator[None]:
    """Have `path` saved over and over."""
    stop = threading.Event()
    thread = threading.Thread(target=writer, args=(path, body, stop, 0.01))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_notebook_is_never_stored_half(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET_S", 1.5)  # no machine is so busy that a save stands still for this long
    path = way.machine / "a.ipynb"
    seen: set[str] = set()
    body = json.dumps({"cells": [{"source": "x" * 1000, "count": "COUNT"}] * 300}).encode()
    path.write_bytes(body)
    with written(path, body):
        start = time.monotonic()
        while (len(seen) < 2 or time.monotonic() < start + 4) and time.monotonic() < start + 30:
            way.collect()
            if (way.mine / "a.ipynb").exists():
                counts = {cell["count"] for cell in json.loads((way.mine / "a.ipynb").read_bytes())["cells"]}
                assert len(counts) == 1
                seen |= counts
    assert len(seen) > 1
    way.collect()
    assert tree(way.mine) == tree(way.machine)


def test_another_file_that_is_written_all_the_time_stays_as_it_was_and_is_named(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, body = way.machine / "b.csv", b"COUNT;" + b"y" * 300_000 + b";COUNT\n"
    path.write_bytes(b"before")
    way.collect()
    monkeypatch.setattr(collector, "QUIET_S", 0.8)
    with written(path, body):
        manifest, _ = way.collect()
        assert manifest.unstable == ["b.csv"]
        assert (way.mine / "b.csv").read_bytes() == b"before"
    manifest, _ = way.collect()
    assert manifest.unstable == []
    assert tree(way.mine) == tree(way.machine)


def test_a_file_that_changes_while_it_is_read_is_not_taken(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    (way.machine / "a").write_text("one")
    time.sleep(0.1)
    real = secure_files.blocks

    def changing(handle: int, size: int) -> Iterator[bytes]:
        yield from real(handle, size)
        (way.machine / "a").write_text("two")

    monkeypatch.setattr(collector, "blocks", changing)
    manifest, _, _ = way.manifest(rounds=1)
    assert (manifest.put, manifest.unstable) == ({}, ["a"])


def test_a_file_taken_while_it_was_new_is_looked_at_once_more(way: Way) -> None:
    (way.machine / "a.ipynb").write_bytes(NOTEBOOK)
    first, _ = way.collect()
    time.sleep(0.1)
    second, counts = way.collect()
    assert [m.put["a.ipynb"][0].inode > 0 for m in (first, second)] == [False, True]
    assert not counts.any()
    assert way.collect()[0].put == {}


def test_a_file_that_settles_is_waited_for(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET_S", 0.3)
    (way.machine / "log").write_text("0")

    def write() -> None:
        for _ in range(5):
            with open(way.machine / "log", "a") as out:
                out.write("x")
            time.sleep(0.1)

    thread = threading.Thread(target=write)
    thread.start()
    manifest, _ = way.collect()
    thread.join()
    assert manifest.unstable == []
    assert (way.mine / "log").read_text() == "0xxxxx"


def test_a_clock_that_was_set_back_does_not_keep_a_file_new_for_ever(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    (way.machine / "a").write_text("a")
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    manifest, _ = way.collect()
    assert manifest.unstable == []
    assert (way.mine / "a").read_text() == "a"


def test_a_file_moved_behind_the_walk_is_not_lost(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    (way.machine / "a").mkdir()
    (way.machine / "z").mkdir()
    (way.machine / "z" / "work.py").write_text("work")
    way.collect()
    real = entries.survey
    moved: list[Path] = []

    def moving(root: int) -> entries.Survey:
        result = real(root)
        if not moved:  # as if it went from a folder not yet walked to one that was
            moved.append((way.machine / "z" / "work.py").rename(way.machine / "a" / "work.py"))
            del result.found["z/work.py"]
        return result

    monkeypatch.setattr(collector, "survey", moving)
    manifest, pack, home = way.manifest()
    home.receive(manifest, pack)
    assert tree(way.mine) == tree(way.machine)


# ── Disks, locks, kills ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lock_is_waited_for_and_then_refused_by_name(way: Way) -> None:
    first, second = (way.student() for _ in range(2))
    with first.locked(1):
        started = time.monotonic()
        with pytest.raises(WorkError, match=rf"process {os.getpid()} on .*/ada"), second.locked(0.5):
            pass
        assert 0.4 < time.monotonic() - started < 2
        with StudentHome(str(way.home), "bob", ADA).locked(0):
            pass
    with second.locked(0):
        pass


class Mount:
    """A small disk of its own."""

    def __init__(self, path: Path, size: str) -> None:
        """Mount it."""
        path.mkdir(exist_ok=True)
        self.path = path
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.path)], check=True)


@pytest.fixture
def small_home(way: Way) -> Iterator[Way]:
    """Return a way whose home is on a disk of 80 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs to mount")
    try:
        mount = Mount(way.home, "80m")
    except subprocess.CalledProcessError:
        pytest.skip("may not mount here")
    yield way
    mount.close()


def test_a_full_disk_at_home_is_named_and_loses_nothing(small_home: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    way = small_home
    (way.machine / "a").write_bytes(b"1")
    way.collect()
    (way.machine / "a").write_bytes(b"22")
    (way.machine / "big").write_bytes(os.urandom(30 << 20))
    manifest, pack, home = way.manifest()
    with pytest.raises(WorkError, match=r"disk of .*home on this control node is full .*MB are free"):
        home.check_room(os.path.getsize(pack), manifest.allocated)
    (way.home / "filler").write_bytes(bytes(60 << 20))  # it fills after the check
    with pytest.raises(WorkError, match=r"disk of .*home on this control node is full"):
        home.receive(manifest, pack)
    assert {p.name: p.read_bytes() for p in way.mine.iterdir()} == {"a": b"1"}
    assert list(way.home.glob(".incoming-*")) == []
    (way.home / "filler").unlink()
    monkeypatch.setattr(home_module, "SPARE_BYTES", 0)
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    assert digest(b"1") in way.kept_contents()


def test_a_full_disk_on_the_machine_is_named_and_what_fits_comes_home(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    (way.machine / "a").write_text("a")
    monkeypatch.setattr(pack_module, "SPARE_BYTES", 1 << 60)
    manifest, counts = way.collect()
    assert list(manifest.left) == ["a"]
    assert "the machine's disk has" in manifest.left["a"]
    assert counts.new == 0


def test_a_disk_that_fails_while_packing_is_an_error_and_not_half_a_pack(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    (way.machine / "a").write_text("a")

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", full)
    with pytest.raises(errors.PackError, match="No space left"):
        way.manifest()


@pytest.mark.timeout(120)
def test_killed_at_any_moment_and_run_again_home_is_equal_and_nothing_is_lost(quick: Way) -> None:
    """The collect runs in a process of its own that is killed; each version that was ever home must still be there."""
    way = quick
    chance = random.Random(7)  # noqa: S311 - a test that can be repeated
    program = (
        "import sys; from pathlib import Path; from tests.support.machine_and_home import Way\n"
        "from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector\n"
        "collector.QUIET_S = 0.0; print('ready', flush=True); sys.stdin.readline(); Way(Path(sys.argv[1])).collect()"
    )
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{PROJECT / 'collections'}"}
    seen: set[bytes] = set()
    for number in range(20):
        for name in range(40):
            folder = way.machine / f"d{name % 4}"
            folder.mkdir(exist_ok=True)
            if chance.random() < 0.5:
                (folder / f"f{name}").write_text(f"{number} {name} " + "x" * chance.randrange(50_000))
            elif chance.random() < 0.2:
                (folder / f"f{name}").unlink(missing_ok=True)
        run = subprocess.Popen(
            [sys.executable, "-c", program, str(way.base)], env=environment, cwd=PROJECT, stdin=-1, stdout=-1, text=True
        )
        assert run.stdout is not None
        run.stdout.readline()
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
        time.sleep(chance.random() * 0.15)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        for leftover in way.base.glob("pack*"):  # what the module does with those of the machine
            leftover.unlink()
        assert seen <= way.kept_contents()
        way.collect()
        assert way.history().check() == ""
        assert tree(way.mine) == tree(way.machine)
        assert list(way.home.glob(".incoming-*")) == []
        seen |= {content for kind, content in tree(way.mine).values() if kind == "file"}


# ── Any tree, any sequence ───────────────────────────────────────────────────────────────────────────────────────────

part = st.one_of(
    st.sampled_from([b"a", b"b", b"-x", b".git", b"n.ipynb", b"\xff", b"x\ny"]),
    st.binary(min_size=1, max_size=8).filter(lambda b: b not in (b".", b"..") and not set(b) & {0, 0x2F}),
)
content = st.one_of(st.binary(max_size=64), st.just(bytes(3 << 20)), st.just(b"{}"))
change = st.tuples(
    st.lists(part, min_size=1, max_size=3),
    st.one_of(
        content.map(lambda c: ("file", c)),
        part.map(lambda p: ("link", p)),
        st.just(("delete", b"")),
        st.just(("folder", b"")),
    ),
)


def remove(path: bytes) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        for name in os.listdir(path):
            remove(os.path.join(path, name))
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


def apply(root: bytes, steps: tuple[list[bytes], tuple[str, bytes]]) -> None:
    parts, (kind, value) = steps
    for depth in range(1, len(parts)):
        parent = os.path.join(root, *parts[:depth])
        if os.path.islink(parent) or not os.path.isdir(parent):
            remove(parent)
            os.mkdir(parent)
    path = os.path.join(root, *parts)
    remove(path)
    if kind == "file":
        with open(path, "wb") as out:
            out.write(value)
    elif kind == "link":
        os.symlink(value, path)
    elif kind == "folder":
        os.mkdir(path)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(change, max_size=6), min_size=1, max_size=4))
def test_home_becomes_equal_and_keeps_every_version(runs: list[list[tuple[list[bytes], tuple[str, bytes]]]]) -> None:
    quiet, collector.QUIET_S = collector.QUIET_S, 0.0
    try:
        with tempfile.TemporaryDirectory(dir=QUICK) as base:
            way = Way(Path(base))
            seen: set[bytes] = set()
            for run in runs:
                for steps in run:
                    apply(os.fsencode(way.machine), steps)
                manifest, _ = way.collect()
                assert (manifest.unstable, manifest.left) == ([], {})
                assert tree(way.mine) == tree(way.machine)
                seen |= {value for kind, value in tree(way.mine).values() if kind == "file"}
                assert seen <= way.kept_contents()
                assert way.history().check() == ""
    finally:
        collector.QUIET_S = quiet


# ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_report_is_a_short_sentence_whatever_the_names() -> None:
    report = Report("ada")
    report.note_manifest(
        Manifest(
            unstable=[f"\x1b[31m{n}\n" for n in range(500)],
            special={"p\udcff\n": "a named pipe"},
            files=3,
            bytes=12_345,
        )
    )
    report.conclude()
    line = report.sentence()
    assert line.isprintable()
    assert len(line) < 600
    assert len(report.unstable) == 101
    assert "and more than 97 more" in line
    json.dumps(report.as_dict()).encode()


def test_a_manifest_and_what_is_known_travel_unharmed() -> None:
    entry = Entry("f", 1, -5, 2**62, 3, 0o7777, "ab")
    names = ["a", "\udcff\n", "ü"]
    manifest = Manifest(put=dict.fromkeys(names, (entry, 7)), gone=names, left={"x": "y"})
    assert Manifest.unpacked(manifest.packed()) == manifest
    assert manifest_module.unpack_known(manifest_module.pack_known({"\udcff": entry})) == {"\udcff": entry}
