"""Restoring work, onto a new machine or beside today's: whole or not at all, and never over anything."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import errors as errors_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import pack as pack_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.restorer import RestoreError

from tests.support.machine_and_home import Way, fsck, tree
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator


def fill(way: Way) -> None:
    """Make some work of every kind."""
    (way.machine / "sub" / "empty").mkdir(parents=True)
    (way.machine / "sub" / "run.sh").write_text("#!/bin/sh\r\n")
    (way.machine / "sub" / "run.sh").chmod(0o755)
    (way.machine / ".git").mkdir()
    (way.machine / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (way.machine / "closed").touch(mode=0o000)
    (way.machine / "link").symlink_to("/etc/passwd")
    (way.machine / "half.ipynb").write_text('{"cells": [')
    with open(os.path.join(os.fsencode(way.machine), b"-rf \n\xff"), "wb") as out:
        out.write(b"hostile")
    with open(way.machine / "sparse", "wb") as out:
        out.seek(50 << 20)
        out.write(b"end")
    way.give("lesson.ipynb", b"{}")
    (way.store / "delivered" / "offered").mkdir()
    (way.store / "delivered" / "offered" / "ada.json").write_text('{"lesson.ipynb": "' + "a" * 64 + '"}')
    for path in way.machine.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)


def facts(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return mode, time and owner of every file."""
    return {
        os.fsencode(path).decode(errors="surrogateescape")[len(str(folder)) :]: (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.lstat().st_uid,
        )
        for path in folder.rglob("*")
        if not path.is_dir() and not path.is_symlink()
    }


def test_a_new_machine_gets_the_work_as_it_was_with_its_templates(way: Way) -> None:
    fill(way)
    way.collect()
    was, had = tree(way.machine), facts(way.machine)
    delivered = tree(way.store / "delivered")
    way.new_machine()
    if os.geteuid() == 0:
        os.chown(way.machine, 12345, 12345)
        had = {path: (mode, mtime, 12345) for path, (mode, mtime, _) in had.items()}
    assert way.restore() == str(way.machine)
    assert tree(way.machine) == was
    assert facts(way.machine) == had
    assert (way.machine / "sparse").stat().st_blocks * 512 < 4 << 20
    assert tree(way.store / "delivered") == delivered
    assert (way.machine.stat().st_uid, way.machine.stat().st_mode & 0o777) == (had["/closed"][2], 0o700)
    assert os.listdir(way.machine.parent) == ["ada"]
    assert way.collect()[1].version == ""


def test_it_comes_once_and_what_the_student_deletes_does_not_come_back(way: Way) -> None:
    fill(way)
    way.collect()
    way.new_machine()
    way.restore()
    for name in os.listdir(way.machine):
        subprocess.run(["rm", "-r", "--", way.machine / name], check=True)
    assert way.restore() == ""
    assert list(way.machine.iterdir()) == []
    way.collect()
    assert list(way.mine.iterdir()) == []


def test_a_new_machine_that_got_nothing_yet_deletes_nothing_at_home(way: Way) -> None:
    fill(way)
    way.collect()
    was = tree(way.mine)
    way.new_machine()
    (way.machine / "early").write_text("written before the work came")
    manifest, _ = way.collect()
    assert (manifest.settled, manifest.gone) == (False, [])
    assert {path: what for path, what in tree(way.mine).items() if path != b"early"} == was
    assert way.restore().startswith(f"{way.machine}/restored-")
    assert (way.machine / "early").read_text() == "written before the work came"


def test_work_that_is_there_already_is_never_touched(way: Way) -> None:
    (way.machine / "a").write_text("collected")
    way.collect()
    was = tree(way.machine)
    way.new_machine()
    (way.machine / "a").write_text("newer")
    where = Path(way.restore())
    assert where.parent == way.machine
    assert tree(where) == was
    assert (way.machine / "a").read_text() == "newer"
    assert way.restore() == ""


def test_a_student_without_a_history_begins_with_an_empty_folder(way: Way) -> None:
    way.new_machine()
    assert way.restore() == ""
    assert way.folder().settled()


def test_templates_that_this_machine_gave_are_not_taken_back(way: Way) -> None:
    way.give("lesson.ipynb", b"old")
    way.collect()
    way.new_machine()
    way.give("lesson.ipynb", b"new")
    way.restore()
    record = json.loads((way.store / "delivered" / "ada.json").read_text())
    assert (way.store / "delivered" / "objects" / record["lesson.ipynb"]).read_bytes() == b"new"


def test_an_earlier_version_is_laid_beside_and_only_once(way: Way) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    first = way.history().versions()[0]
    (way.machine / "a").write_text("two")
    (way.machine / "b").write_text("b")
    way.collect()
    where = Path(way.restore(first.commit))
    assert where == way.machine / first.name
    assert {path.name: path.read_text() for path in where.iterdir()} == {"a": "one"}
    assert (way.machine / "a").read_text() == "two"
    assert way.folder().has(first.name)


def test_what_lies_in_the_way_of_a_restored_folder_stays(way: Way, tmp_path: Path) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    version = way.history().versions()[0]
    (way.machine / version.name).symlink_to(tmp_path)
    (way.machine / f"{version.name}~2").write_text("the student's")
    assert not way.folder().has(version.name)
    where = Path(way.restore("now"))
    assert where.name == f"{version.name}~3"
    assert (way.machine / f"{version.name}~2").read_text() == "the student's"
    assert not (tmp_path / "a").exists()


def test_a_folder_that_is_a_link_gets_nothing(way: Way, tmp_path: Path) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    way.new_machine()
    way.machine.rmdir()
    (tmp_path / "elsewhere").mkdir()
    way.machine.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RestoreError, match=r"there is no folder .*ada\. Run configure\.yml"):
        way.restore()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_did_not_arrive_as_it_was_sent_is_not_laid_out(way: Way) -> None:
    (way.machine / "a").write_text("truth")
    way.collect()
    way.new_machine()
    manifest, pack, _ = way.student().send(way.history().versions()[0])
    good = Path(pack).read_bytes()
    manifest.put["a"] = (manifest.put["a"][0]._replace(digest="0" * 64), 0)
    with pytest.raises(RestoreError, match="a did not arrive as it was sent"):
        way.folder().lay(manifest, pack, "restored", beside=False)
    Path(pack).write_bytes(good[:20])
    with pytest.raises(RestoreError, match="is damaged"):
        way.folder().lay(manifest, pack, "restored", beside=False)
    assert list(way.machine.iterdir()) == []
    assert os.listdir(way.machine.parent) == ["ada"]


def test_a_history_that_was_tampered_with_is_not_given_out(way: Way) -> None:
    (way.machine / "a").write_text("truth")
    way.collect()
    index = way.history().state().packed().decode()
    made = f"commit refs/heads/main\ncommitter x <> {int(time.time())} +0000\ndata 9\nCollected\n"
    made += "from refs/heads/main^0\nM 100644 inline work/a\ndata 3\nlie\n"
    made += f"M 100644 inline index.json\ndata {len(index)}\n{index}\n"
    git = ["git", "--git-dir", way.history().path, "fast-import", "--quiet"]
    subprocess.run(git, input=made.encode(), check=True)
    with pytest.raises(WorkError, match="work/a is not what was collected"):
        way.student().send(way.history().versions()[0])


@pytest.fixture
def small_machine(way: Way) -> Iterator[Way]:
    """Return a way whose machine has a disk of 40 MB."""
    if os.geteuid() != 0:
        pytest.skip("needs to mount")
    way.machine.rmdir()
    where = str(way.machine.parent)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", where], check=False).returncode != 0:
        pytest.skip("may not mount here")
    way.machine.mkdir()
    yield way
    subprocess.run(["umount", where], check=True)


def test_a_full_disk_on_the_machine_is_named_and_nothing_is_half(small_machine: Way) -> None:
    way = small_machine
    (way.machine / "a").write_text("small")
    (way.machine / "big").write_bytes(os.urandom(20 << 20))
    way.collect()
    was = tree(way.machine)
    way.new_machine()
    filler = way.machine.parent / "filler"
    filler.write_bytes(bytes(30 << 20))
    with pytest.raises(RestoreError, match=r"the machine's disk with .* is full .* the work is safe at home"):
        way.restore()
    assert list(way.machine.iterdir()) == []
    assert sorted(os.listdir(way.machine.parent)) == ["ada", "filler"]
    assert not way.folder().settled()
    filler.unlink()
    assert way.restore() == str(way.machine)
    assert tree(way.machine) == was


def test_a_full_disk_at_home_is_named_when_a_version_is_made_ready(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    (way.machine / "a").write_text("a")
    way.collect()
    way.new_machine()

    def full(*_: object) -> None:
        raise errors_module.PackError from OSError(28, "No space left on device")

    monkeypatch.setattr(pack_module.Pack, "write", full)
    with pytest.raises(WorkError, match=r"disk of .*home on this control node is full"):
        way.restore()
    monkeypatch.undo()
    way.restore()
    assert (way.machine / "a").read_text() == "a"


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.support.machine_and_home import Way
last, count = int(sys.argv[2]), 0
def step(event, _):
    global count
    if event == "open" or event.startswith(("os.", "shutil.", "subprocess.")):
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
way = Way(Path(sys.argv[1]))
sys.addaudithook(step)
way.restore()
print(count)
"""


def killed_before(step: int, way: Way) -> str:
    """Restore in a process of its own that is killed before that step on files; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{PROJECT / 'collections'}"}
    program = [sys.executable, "-c", PROGRAM, str(way.base), str(step)]
    run = subprocess.run(program, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode == (-signal.SIGKILL if step else 0), run.stderr
    return run.stdout


@pytest.mark.timeout(120)
def test_killed_at_any_moment_and_run_again_the_work_is_there_whole(quick: Way) -> None:
    way = quick
    chance = random.Random(11)  # noqa: S311 - a test that can be repeated
    for name in range(30):
        (way.machine / f"f{name}").write_bytes(chance.randbytes(chance.randrange(60_000)))
    way.give("lesson.ipynb", b"{}")
    way.collect()
    was, given = tree(way.machine), tree(way.store / "delivered")
    way.new_machine()
    steps = int(killed_before(0, way))
    moments = set()
    for step in [1, steps, *chance.sample(range(2, steps), 18)]:
        way.new_machine()
        killed_before(step, way)
        moments.add(len(os.listdir(way.machine)))
        way.collect()  # whatever the moment, this deletes nothing at home
        assert tree(way.mine) == was
        way.restore()
        assert tree(way.machine) == was
        assert given.items() <= tree(way.store / "delivered").items()
        assert os.listdir(way.machine.parent) == ["ada"]
    assert moments == {0, len(was)}
    assert fsck(way.history()) == ""
    assert len(way.kept()) == 1


def test_killed_right_after_the_last_step_it_is_not_taken_for_unfinished(way: Way) -> None:
    (way.machine / "a").write_text("a")
    way.collect()
    way.new_machine()
    way.restore()
    inode = way.machine.stat().st_ino
    (way.store / "restored" / "ada.json").write_text(json.dumps({"placing": inode}))
    assert way.folder().settled()
    (way.store / "restored" / "ada.json").write_text(json.dumps({"placing": inode + 1}))
    assert not way.folder().settled()
