"""The folder at home becomes as the machine's, and whatever it was before is kept."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.machine_and_home import QUICK, Way, fsck, old, tree

NOTEBOOK = b'{"cells": [], "nbformat": 4}'


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


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
    assert home.folder.foresee(manifest).adjusted == 1
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


@pytest.mark.parametrize("made", ["file", "link"])
@pytest.mark.parametrize("settled", [True, False])
def test_a_file_or_link_takes_the_place_of_a_folder_also_on_a_machine_that_never_got_it(
    way: Way, made: str, *, settled: bool
) -> None:
    (way.machine / "data" / "deep").mkdir(parents=True)
    (way.machine / "data" / "deep" / "x.ipynb").write_text("{ torn")
    (way.machine / "data2").write_text("a neighbour")
    way.collect()
    had = tree(way.mine)
    if settled:
        shutil.rmtree(way.machine / "data")
    else:
        way.new_machine()
    if made == "file":
        (way.machine / "data").write_text("the student's")
    else:
        (way.machine / "data").symlink_to("data2")
    for _ in range(2):
        way.collect()
        assert tree(way.mine) == tree(way.machine) | {b"data2": had[b"data2"]}
        newest, before = way.kept().values()
        assert (newest, before) == (tree(way.mine), had)
    assert fsck(way.history()) == ""


def test_a_folder_takes_the_place_of_a_file_or_link_also_on_a_machine_that_never_got_it(way: Way) -> None:
    (way.machine / "file").write_text("of before")
    (way.machine / "link").symlink_to("file")
    way.collect()
    had = tree(way.mine)
    way.new_machine()
    for name in ("file", "link"):
        (way.machine / name).mkdir()
        (way.machine / name / "x").write_text(name)
    for _ in range(2):
        way.collect()
        assert tree(way.mine) == tree(way.machine)
        newest, before = way.kept().values()
        assert (newest, before) == (tree(way.machine), had)


def test_a_home_that_was_left_between_a_folder_and_a_file_of_its_name_is_put_right(way: Way) -> None:
    """Of a version that names both, git has the file alone."""
    (way.machine / "data").mkdir()
    (way.machine / "data" / "x").write_text("x")
    way.collect()
    had = tree(way.mine)
    history, state = way.history(), way.history().state()
    file = state.files["data/x"]._replace(digest=digest(b"a file").hex(), size=6)
    both = replace(state, files=state.files | {"data": file})
    history.commit(both, state, lambda _: io.BytesIO(b"a file"), {}, "Collected")
    way.new_machine()
    (way.machine / "data").write_text("a file")
    way.collect()
    assert tree(way.mine) == tree(way.machine)
    newest, found, *_ = way.kept().values()
    assert (newest, found) == (tree(way.machine), had)


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


def test_a_broken_notebook_comes_home_and_stays_marked(way: Way) -> None:
    for name, content in {"half.ipynb": NOTEBOOK[:9], "empty.ipynb": b"", "deep.ipynb": b"[" * 100_000}.items():
        (way.machine / name).write_bytes(content)
    for _ in range(2):
        way.collect()
        home = way.student()
        home.known()
        assert home.folder.broken == {"half.ipynb", "empty.ipynb", "deep.ipynb"}
    assert tree(way.mine) == tree(way.machine)
    (way.machine / "half.ipynb").write_bytes(NOTEBOOK)
    (way.machine / "empty.ipynb").unlink()
    way.collect()
    home.known()
    assert home.folder.broken == {"deep.ipynb"}


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
                assert fsck(way.history()) == ""
    finally:
        collector.QUIET_S = quiet
