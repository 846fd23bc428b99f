"""What a machine packs of a student's folder, whatever the student has put there."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import file_names
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector, entries
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.student_report import Report

from tests.support.machine_and_home import Tree, Way, tree
from tests.support.small_disk import Mount

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


def test_files_of_the_students_home_outside_the_folder_are_named(way: Way, tmp_path: Path) -> None:
    home = tmp_path / "homes" / "ada"
    (home / "thesis" / ".hidden").mkdir(parents=True)
    (home / ".cache").mkdir()
    for name in ("thesis/a.py", "thesis/.hidden/b", "note\n.txt", ".bashrc", ".cache/x"):
        (home / name).write_text("x")
    (home / "work").symlink_to(way.machine)
    (home / "out").symlink_to("/etc")
    os.mkfifo(home / "pipe")
    here = os.getcwd()
    os.chdir(home)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
    os.chdir(here)
    inside = home / "daily_user"
    inside.mkdir()
    (inside / "collected").touch()
    assert collector.files_outside(str(home), inside.stat()) == ["note\n.txt", "thesis/.hidden/b", "thesis/a.py"]
    for number in range(300):
        (home / f"many{number}").touch()
    assert len(collector.files_outside(str(home), inside.stat())) == collector.MOST_OUTSIDE
    assert collector.files_outside(str(tmp_path / "nobody"), None) == []
