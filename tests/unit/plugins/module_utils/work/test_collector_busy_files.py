"""Files that are being written while they are collected: whole, as they were before, or named."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector, entries

from tests.support.machine_and_home import Way, tree

if TYPE_CHECKING:
    from collections.abc import Iterator


NOTEBOOK = b'{"cells": [], "nbformat": 4}'


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


def test_a_folder_that_becomes_a_file_in_the_last_look_is_not_both(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    way.collect()
    place = way.machine / "a.ipynb"
    place.mkdir()
    (place / "b.ipynb").write_bytes(NOTEBOOK)
    real = entries.survey
    looks: list[entries.Survey] = []

    def replaced(root: int) -> entries.Survey:
        if looks:
            (place / "b.ipynb").unlink()
            place.rmdir()
            place.write_bytes(NOTEBOOK)
        looks.append(real(root))
        return looks[-1]

    monkeypatch.setattr(collector, "survey", replaced)
    manifest, pack, home = way.manifest(rounds=2)
    assert manifest.unstable == ["a.ipynb/b.ipynb"]
    home.receive(manifest, pack)
    assert tree(way.mine) == tree(way.machine)
