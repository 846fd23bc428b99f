"""Every version of a student's work: kept in git as it was, and found by date."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import history as history_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError, WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner, Version, choose
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome

from tests.support.machine_and_home import Way, fsck, tree


def hour(number: int) -> datetime:
    return datetime(2026, 3, 2, number, 30, 10, tzinfo=UTC).astimezone()


def test_a_students_own_repository_filters_and_line_ends_are_kept_as_they_are(way: Way) -> None:
    subprocess.run(["git", "init", "-q", str(way.machine / "clone")], check=True)
    (way.machine / "clone" / "a.txt").write_bytes(b"a\r\nb\n")
    (way.machine / "clone" / ".gitattributes").write_bytes(b"* text=auto eol=lf filter=evil ident\n")
    (way.machine / "clone" / ".gitignore").write_bytes(b"*\r\n")
    for name in (".GIT", ".gitmodules", ".git\u200c", "git~1", ".git ", ".git::$INDEX", "a\\.git", ".gitmodules\n"):
        (way.machine / name).mkdir()
        (way.machine / name / "config").write_bytes(b"[core]\n\tpager = touch /tmp/never\n$Id$\r\n")
    (way.machine / ".gitmodules" / "x").symlink_to("/etc/passwd")
    (way.machine / "empty" / "below").mkdir(parents=True)
    way.collect()
    assert list(way.kept().values()) == [tree(way.machine)]
    assert fsck(way.history()) == ""


def test_settings_of_the_instructor_and_hooks_change_nothing(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = way.base / "gitconfig"
    settings.write_text("[core]\n\tautocrlf = true\n\thooksPath = /nowhere\n[commit]\n\tgpgSign = true\n")
    for name, value in {"GIT_CONFIG_GLOBAL": str(settings), "GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/x"}.items():
        monkeypatch.setenv(name, value)
    (way.machine / "a").write_bytes(b"a\r\n")
    way.collect()
    monkeypatch.undo()
    assert list(way.kept().values()) == [tree(way.machine)]


def test_what_did_not_change_makes_no_version(way: Way) -> None:
    (way.machine / "a").write_text("a")
    way.collect()
    way.collect()
    _, counts = way.collect()
    assert counts.version == ""
    assert len(way.history().versions()) == 1


def test_a_deleted_file_is_gone_from_the_newest_and_still_in_the_history(way: Way) -> None:
    (way.machine / "thesis.ipynb").write_text("{}")
    way.collect()
    (way.machine / "thesis.ipynb").unlink()
    way.collect()
    newest, before = way.kept().values()
    assert (newest, list(before)) == ({}, [b"thesis.ipynb"])


def test_many_versions_are_packed_and_stay_sound(way: Way) -> None:
    for number in range(55):
        (way.machine / "a").write_text(f"version {number}")
        way.collect()
    history = way.history()
    packs = list(Path(history.path).glob("objects/pack/*.pack"))
    assert len(packs) < 50
    assert fsck(history) == ""
    assert len(way.kept_contents()) == 55


def test_a_namesake_of_another_class_gets_a_folder_of_their_own_and_nothing_else(way: Way) -> None:
    (way.machine / "a").write_text("first ada's")
    way.collect()
    other = Way(way.base / "other", email="ada@example.org", class_name="ml102")
    other.home = way.home
    assert other.restore() == ""
    assert list(other.machine.iterdir()) == []
    (other.machine / "b").write_text("second ada's")
    other.collect()
    assert tree(way.home / "ada") == tree(way.machine)
    assert tree(way.home / "ada~2") == tree(other.machine)
    assert "ada is the work of ada@example.com (class ml101)" in other.student().note()
    for wrong in (("ml102", "ada@example.com"), ("ml101", "ada@example.org")):
        assert StudentHome(str(way.home), "ada", Owner(*wrong)).history.versions() == []


def test_a_changed_address_takes_the_work_along(way: Way) -> None:
    (way.machine / "a").write_text("a")
    way.collect()
    new = Owner("ml101", "ada@example.net")
    moved = StudentHome(str(way.home), "ada", new, ["ADA@example.com"])
    assert moved.name == "ada"
    moved.follow_address()
    assert StudentHome(str(way.home), "ada", new).name == "ada"
    assert way.student().name == "ada~2"


def test_whoever_goes_back_to_an_address_of_before_keeps_the_work(way: Way) -> None:
    (way.machine / "a").write_text("a")
    way.collect()
    there = Owner("ml101", "ada@example.net")
    back = StudentHome(str(way.home), "ada", way.student().owner, ["ada@example.com", "ada@example.net"])
    assert back.name == "ada"
    back.history.own(there)
    back.follow_address()
    assert back.history.owner() == way.student().owner


VERSIONS = [Version(f"{number:040x}", hour(number), history_module.COLLECTED) for number in (15, 12, 9)]


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("", 15),
        ("2026-03-03", 15),
        (f"{hour(12):%Y-%m-%dT%H:%M}", 12),
        (f"{hour(14):%Y-%m-%d %H:%M:%S}", 12),
        ("0" * 39 + "9", 9),
    ],
)
def test_the_newest_version_of_that_time_is_found(at: str, found: int) -> None:
    assert choose(VERSIONS, at).time == hour(found)


def test_what_was_edited_at_home_is_found_by_its_commit_alone() -> None:
    edited = Version("abcdef0" + "1" * 33, hour(20), history_module.FOUND)
    assert choose([edited, *VERSIONS], "").time == hour(15)
    assert choose([edited, *VERSIONS], "abcdef0") == edited


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-02-01", "the first collect was at"),
        ("yesterday", "'yesterday' is no date"),
        ("-rf", "is no date"),
        ("9999-12-31", "'9999-12-31' is no date"),  # no calendar has its end
        ("0001-01-01T00:00+23:59", "is no date"),  # nor, in UTC, the beginning of this one
    ],
)
def test_a_time_without_a_version_is_a_sentence(at: str, words: str) -> None:
    with pytest.raises(HistoryError, match=words):
        choose(VERSIONS, at)
    with pytest.raises(HistoryError, match="nothing was ever collected"):
        choose([], "")


def test_a_day_lasts_until_its_end() -> None:
    assert history_module.moment("2026-03-02") + timedelta(microseconds=1) == datetime(2026, 3, 3).astimezone()


def test_a_history_that_git_cannot_write_is_a_sentence_and_home_stays(way: Way) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    packs = Path(way.history().path) / "objects" / "pack"
    packs.rename(packs.with_name("away"))
    packs.write_text("in the way")
    (way.machine / "a").write_text("two")
    with pytest.raises(WorkError, match=r"git could not work in .*ada\.git"):
        way.collect()
    assert (way.mine / "a").read_text() == "one"
    packs.unlink()
    packs.with_name("away").rename(packs)
    way.collect()
    assert (way.mine / "a").read_text() == "two"
    assert fsck(way.history()) == ""


def test_without_git_the_sentence_says_so(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    (way.machine / "a").write_text("one")
    monkeypatch.setenv("PATH", str(way.base))
    with pytest.raises(WorkError, match="git is not installed on this control node"):
        way.collect()


def test_what_killed_runs_leave_is_removed(way: Way) -> None:
    (way.machine / "a").write_text("one")
    way.collect()
    repository = Path(way.history().path)
    for left in ("HEAD.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_x", "fast_import_crash_1"):
        (repository / left).write_text("left")
    (way.machine / "a").write_text("two")
    way.collect()
    assert not [path for path in repository.rglob("*") if path.name.endswith(".lock") or "tmp_" in path.name]
    assert len(way.kept()) == 2
