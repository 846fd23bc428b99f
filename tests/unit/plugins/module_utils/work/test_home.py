"""A student's home: who may use it, and that it is whole whatever arrives, fails or is killed."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import home as home_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome

from tests.support.machine_and_home import Way, fsck, tree
from tests.support.small_disk import Mount
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

ADA = Owner("ml101", "ada@example.com")


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


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


@pytest.mark.parametrize("name", ["..", ".", "", "-rf", "a/b", ".history", "a\n", "x" * 65])
def test_a_name_that_is_no_folder_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(WorkError, match="no username"):
        StudentHome("home", name, ADA)


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
        assert fsck(way.history()) == ""
        assert tree(way.mine) == tree(way.machine)
        assert list(way.home.glob(".incoming-*")) == []
        seen |= {content for kind, content in tree(way.mine).values() if kind == "file"}


def test_home_knows_on_which_machine_the_work_goes_on(way: Way) -> None:
    way.student().goes_on_at("i-1")
    assert not way.student().goes_on_elsewhere("i-2")  # there is nothing yet that another machine could lack
    (way.machine / "a").write_text("a")
    way.collect()
    for machine in ("i-1", "i-2", ""):
        way.student().goes_on_at(machine)
    assert {machine: way.student().goes_on_elsewhere(machine) for machine in ("i-1", "i-2", "")} == {
        "i-1": True,
        "i-2": False,
        "": False,
    }


def test_when_all_was_at_home_is_remembered_also_if_nothing_was_new(way: Way) -> None:
    assert way.student().last_collected() is None
    (way.machine / "a").write_bytes(b"1")
    way.collect()
    brought = way.student().last_collected()  # of before it was remembered: when something new came
    assert brought == way.history().versions()[0].time
    way.student().mark_collected()
    os.utime(way.home / ".records/ada.collected", (1_900_000_000, 1_900_000_000))
    assert way.student().last_collected() == datetime.fromtimestamp(1_900_000_000, UTC)
