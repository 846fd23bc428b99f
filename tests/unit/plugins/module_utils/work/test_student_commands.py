"""What a student deleted or spoilt comes back, byte for byte, and over nothing."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import student_commands
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import CommandError

from tests.support.machine_and_home import tree
from tests.support.terminal import Terminal


def test_a_deleted_file_comes_back_under_its_name(terminal: Terminal) -> None:
    terminal.save(essay="the essay", other="other")
    (terminal.folder / "essay.txt").unlink()
    assert terminal.save()
    assert "deleted  essay.txt" in terminal.own().listing()
    assert terminal.back("essay.txt") == "essay.txt"
    assert (terminal.folder / "essay.txt").read_text() == "the essay"


def test_an_earlier_version_lies_beside_and_replaces_nothing(terminal: Terminal) -> None:
    for text in ("one", "two", "three"):
        terminal.save(essay=text)
    (terminal.folder / "essay.txt").write_text("four, not saved yet")
    listed = terminal.own().listing("essay.txt").splitlines()
    assert [line.split()[0] for line in listed[1:4]] == ["1", "2", "3"]
    names = [terminal.back("essay.txt"), terminal.back("essay.txt", "2"), terminal.back("essay.txt", "3")]
    assert [(terminal.folder / name).read_text() for name in names] == ["three", "two", "one"]
    assert len(set(names)) == 3
    assert all(name.startswith("essay.from-") and name.endswith(".txt") for name in names)
    assert (terminal.folder / "essay.txt").read_text() == "four, not saved yet"
    assert not [name for name in os.listdir(terminal.folder) if name.startswith(".")]


def test_without_a_time_what_lies_there_already_is_passed_over(terminal: Terminal) -> None:
    terminal.save(essay="good")
    terminal.save(essay="spoilt")
    assert (terminal.folder / terminal.back("essay.txt")).read_text() == "good"


def test_any_name_and_any_bytes_come_back_as_they_were(terminal: Terminal, base: Path) -> None:
    outside = base / "secret"
    outside.write_text("of somebody else")
    hostile = terminal.folder / "work"
    (hostile / ".git" / "refs").mkdir(parents=True)
    (hostile / ".git" / "config").write_text("[core]\n\tfsmonitor = touch /tmp/never\n")
    (hostile / ".gitattributes").write_text("* text eol=lf\n")
    (hostile / ".gitignore").write_text("*\n")
    (hostile / "lines.csv").write_bytes(b"a\r\nb\r\n")
    for name in (b"new\nline", b"-rf", b"\xff\xfe", b"%41", b":(top)*", "ä é".encode(), b"tab\t"):
        (Path(os.fsdecode(os.fsencode(hostile) + b"/" + name))).write_bytes(b"\0" + name)
    (hostile / "link").symlink_to(outside)
    (hostile / "up").symlink_to("..")
    (hostile / "empty").mkdir()
    before = tree(hostile)
    terminal.save()
    hostile.rename(base / "gone")
    terminal.save()
    assert terminal.back("work") == "work"
    assert tree(hostile) == before
    for path in ("work/new\nline", "work/:(top)*", "work/%41", "./work/-rf"):
        assert len(terminal.own().versions(terminal.own().path_of(path))) == 1
    (hostile / ".git" / "config").unlink()
    assert terminal.back("work/.git/config") == "work/.git/config"


def test_a_link_is_never_followed_out_of_the_folder(terminal: Terminal, base: Path) -> None:
    (terminal.folder / "sub").mkdir()
    (terminal.folder / "sub" / "a.txt").write_text("mine")
    terminal.save()
    (terminal.folder / "sub" / "a.txt").unlink()
    (terminal.folder / "sub").rmdir()
    elsewhere = base / "elsewhere"
    elsewhere.mkdir()
    (terminal.folder / "sub").symlink_to(elsewhere)
    with pytest.raises(CommandError, match=r"sub/a.txt cannot be brought back"):
        terminal.back("sub/a.txt")
    assert not list(elsewhere.iterdir())


def test_names_count_from_where_the_terminal_is(terminal: Terminal, base: Path) -> None:
    (terminal.folder / "week1").mkdir()
    own = terminal.own(str(terminal.folder / "week1"))
    assert own.path_of("a.ipynb") == "week1/a.ipynb"
    assert own.path_of("../a.ipynb") == "a.ipynb"
    assert terminal.own(str(base)).path_of("a.ipynb") == "a.ipynb"
    assert terminal.own(str(base)).path_of(f"{terminal.folder}/a.ipynb") == "a.ipynb"
    for name in ("../../x", "/etc/passwd", "..", "."):
        with pytest.raises(CommandError, match="Only what is there is saved"):
            terminal.own().path_of(name)


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("9", "There is no version 9"),
        ("2020-01-01", "not saved before 2020-01-01"),
        ("noon", "'noon' is no date"),
        ("9999-12-31", "'9999-12-31' is no date"),
    ],
)
def test_a_time_that_leads_nowhere_is_named(terminal: Terminal, when: str, says: str) -> None:
    terminal.save(essay="x")
    with pytest.raises(CommandError, match=says):
        terminal.back("essay.txt", when)


def test_times_are_understood(terminal: Terminal) -> None:
    now = datetime.now().astimezone()
    assert student_commands.until_of("9:30").strftime("%F %T") == now.strftime("%F 09:30:59")
    yesterday = (now - timedelta(days=1)).strftime("%F 23:59:59")
    assert student_commands.until_of("yesterday").strftime("%F %T") == yesterday
    terminal.save(essay="x")
    (terminal.folder / "essay.txt").unlink()
    assert terminal.back("essay.txt", "today") == "essay.txt"
