"""What a machine saved itself comes home with the collect, once, and is found again."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import errors as errors_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import history as history_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import remote as remote_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import AUTOSAVES
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import KnownSaved, Saved

from tests.support.machine_and_home import fsck, tree
from tests.support.saving_machine import DAY, NINE, STUDENT, Desk, essay


def test_what_was_saved_between_two_collects_comes_along_once(desk: Desk) -> None:
    assert desk.bring() == 0
    for text in ("one", "two", "three"):
        desk.save(essay=text)
    assert desk.bring() == 3
    assert desk.kept_saved() == [essay("three"), essay("two"), essay("one")]
    assert [version.kind for version in desk.history().versions()] == ["Collected"]
    assert (desk.bring(), desk.sent) == (0, 0)
    desk.save(essay="four")
    assert desk.bring() == 1
    assert desk.kept_saved()[0] == essay("four")


def test_only_news_travel(desk: Desk) -> None:
    (desk.machine / "data.bin").write_bytes(os.urandom(500_000))
    desk.bring()
    desk.save()
    desk.save(essay="one")
    desk.save(essay="two")
    desk.bring()
    assert desk.sent < 10_000  # home has the data already, from the collect
    desk.save(essay="three")
    desk.bring()
    assert desk.sent < 1000


def test_a_save_of_what_was_just_collected_is_no_news(desk: Desk) -> None:
    (desk.machine / "essay.txt").write_text("one")
    desk.bring()
    desk.clock += 2 * DAY
    desk.save()
    assert (desk.bring(), desk.sent) == (0, 0)
    desk.save(essay="two")
    desk.save(essay="one")
    assert desk.bring() == 3  # for a while it was something else
    assert desk.kept_saved() == [essay("one"), essay("two"), essay("one")]


def test_a_save_is_news_if_another_one_came_after_the_collect(desk: Desk) -> None:
    (desk.machine / "essay.txt").write_text("one")
    desk.bring()
    desk.clock += 2 * DAY
    desk.save(essay="two")
    (desk.machine / "essay.txt").write_text("one")
    assert desk.bring() == 1
    desk.save()
    assert desk.bring() == 1
    assert desk.kept_saved() == [essay("one"), essay("two")]


def test_what_home_has_is_not_kept_twice_whatever_the_machine_was_told(desk: Desk) -> None:
    desk.save(essay="one")
    desk.save(essay="two")
    desk.bring()
    with desk.student().locked(1):
        assert desk.bring_saved(KnownSaved([], None)) == 0
    assert len(desk.kept_saved()) == 2


def test_another_machine_begins_anew_and_nothing_of_the_first_is_lost(desk: Desk) -> None:
    desk.save(essay="one")
    desk.save(essay="two")
    desk.bring()
    subprocess.run(["rm", "-r", str(desk.there)], check=True)
    desk.clock += 2 * DAY
    desk.save()
    assert desk.bring() == 0  # the work that came from home
    desk.save(essay="three")
    assert desk.bring() == 2
    assert [saved["essay.txt"] for saved in desk.kept_saved()] == ["three", "two", "two", "one"]


def test_a_machine_that_saves_nothing_or_has_saved_nothing_yet_sends_nothing(desk: Desk) -> None:
    (desk.machine / "essay.txt").write_text("one")
    assert desk.bring() == 0
    subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=main", str(desk.there)], check=True)
    desk.give_away()
    assert desk.bring() == 0


def test_what_was_saved_of_a_folder_that_is_gone_comes_home(desk: Desk) -> None:
    desk.save(essay="one")
    with desk.student().locked(1):
        assert desk.bring_saved(KnownSaved([], None)) == 1
    assert desk.kept_saved() == [essay("one")]
    assert desk.history().versions() == []


def test_restore_finds_the_version_nearest_before_collected_or_saved(desk: Desk) -> None:
    for text in ("one", "two", "three"):
        desk.save(essay=text)
    desk.at(NINE + 1200, NINE + 600, NINE)
    (desk.machine / "essay.txt").write_text("collected")
    desk.bring()

    def found(at: str) -> str:
        return (Path(desk.restore(at)) / "essay.txt").read_text()

    assert found("2026-03-02T09:05+00:00") == "one"
    assert found("2026-03-02T09:19:59+00:00") == "two"
    assert found("2026-03-03") == "three"
    assert found("now") == "collected"
    both = desk.history().versions(AUTOSAVES) + desk.history().versions()
    assert history_module.choose(both, f"{datetime.now().astimezone():%Y-%m-%d}").kind == "Collected"
    assert found(desk.history().versions(AUTOSAVES)[2].commit) == "one"
    with pytest.raises(errors_module.HistoryError, match="the first save was at"):
        desk.restore("2026-03-01")
    assert (desk.machine / "essay.txt").read_text() == "collected"


def test_a_machine_without_collected_work_does_not_begin_with_what_was_saved(desk: Desk) -> None:
    desk.save(essay="one")
    with desk.student().locked(1):
        desk.bring_saved(KnownSaved([], None))
    desk.new_machine()
    assert desk.restore() == ""
    assert tree(desk.machine) == {}


def test_any_name_and_any_bytes_come_back_as_they_were(desk: Desk) -> None:
    for name in (b".git", b"new\nline", b"-rf", b"\xff\xfe", b"%41", "ä é".encode()):
        folder = Path(os.fsdecode(os.fsencode(desk.machine) + b"/" + name))
        folder.mkdir()
        (folder / ".gitattributes").write_bytes(b"x" * 5000 + b"\r\n")
    (desk.machine / "up").symlink_to("..")
    was = tree(desk.machine)
    desk.save()
    desk.at(NINE)
    subprocess.run(["rm", "-r", str(desk.machine)], check=True)
    desk.machine.mkdir()
    desk.bring()
    assert tree(desk.restore("2026-03-02T09:00+00:00")) == was


def test_the_copy_elsewhere_has_it_too(desk: Desk) -> None:
    remote = desk.base / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    desk.save(essay="one")
    desk.bring()
    assert remote_module.push(str(desk.home), "ml101", str(remote)).pushed == [STUDENT]
    desk.save(essay="two")
    desk.save(essay="one")
    desk.bring()
    assert remote_module.push(str(desk.home), "ml101", str(remote)).pushed == [STUDENT]
    assert remote_module.push(str(desk.home), "ml101", str(remote)).unchanged == [STUDENT]
    show = ["git", "-C", str(remote), "show", f"autosaved/ml101/{STUDENT}~1:work/essay.txt"]
    assert subprocess.run(show, capture_output=True, text=True, check=True).stdout == "two"


@pytest.mark.parametrize("step", ["append", "rename", "check"])
def test_a_run_that_is_ended_leaves_all_or_nothing_and_the_next_one_brings_it(
    desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.save(essay="one")
    desk.bring()
    desk.save(essay="two")
    steps = {"append": (history_module.History, "append"), "rename": (os, "rename")}

    def end(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as ended:
        ended.setattr(*steps.get(step, (Saved, "check")), end)
        with pytest.raises(KeyboardInterrupt):
            desk.bring()
    assert fsck(desk.history()) == ""
    assert desk.kept_saved() == [essay("one")]
    assert desk.bring() == 1
    assert desk.kept_saved() == [essay("two"), essay("one")]
