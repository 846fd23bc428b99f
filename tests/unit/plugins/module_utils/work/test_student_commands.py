"""The history on the machine: what a student deleted or spoilt comes back, byte for byte, and over nothing."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import (
    autosave,
    collector,
    student_commands,
    student_program,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import Saving
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import OwnWorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Version
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.student_commands import OwnWork

from tests.support.machine_and_home import QUICK, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


class Desk:
    """A student's folder, the history of it, and the student at the terminal."""

    def __init__(self, base: Path, **decided: int) -> None:
        """Make the folders."""
        self.username = pwd.getpwuid(os.getuid()).pw_name
        self.folder = base / "daily_user" / self.username
        self.folder.mkdir(parents=True)
        (base / "store" / self.username).mkdir(parents=True)
        numbers = {"largest_mb": 1, "most_mb": 100, "days": 7, "minutes": 10} | decided
        self.settings = autosave.Settings(str(base / "daily_user"), str(base / "store"), **numbers)
        self.saving = Saving(self.settings, self.username)

    def save(self, **files: str) -> str:
        """Write files and save."""
        for name, content in files.items():
            (self.folder / f"{name}.txt").write_text(content)
        return self.saving.save()

    def own(self, here: str = "/") -> OwnWork:
        """Return what the student asks in a terminal."""
        return OwnWork(self.settings, self.username, here)

    def back(self, name: str, when: str = "") -> str:
        """Bring back and return the name of what came."""
        return os.path.relpath(self.own().bring_back(name, when), self.folder)


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        yield Path(folder)


@pytest.fixture
def desk(base: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    return Desk(base)


def test_a_deleted_file_comes_back_under_its_name(desk: Desk) -> None:
    desk.save(essay="the essay", other="other")
    (desk.folder / "essay.txt").unlink()
    assert desk.save()
    assert "deleted  essay.txt" in desk.own().listing()
    assert desk.back("essay.txt") == "essay.txt"
    assert (desk.folder / "essay.txt").read_text() == "the essay"


def test_an_earlier_version_lies_beside_and_replaces_nothing(desk: Desk) -> None:
    for text in ("one", "two", "three"):
        desk.save(essay=text)
    (desk.folder / "essay.txt").write_text("four, not saved yet")
    listed = desk.own().listing("essay.txt").splitlines()
    assert [line.split()[0] for line in listed[1:4]] == ["1", "2", "3"]
    names = [desk.back("essay.txt"), desk.back("essay.txt", "2"), desk.back("essay.txt", "3")]
    assert [(desk.folder / name).read_text() for name in names] == ["three", "two", "one"]
    assert len(set(names)) == 3
    assert all(name.startswith("essay.from-") and name.endswith(".txt") for name in names)
    assert (desk.folder / "essay.txt").read_text() == "four, not saved yet"
    assert not [name for name in os.listdir(desk.folder) if name.startswith(".")]


def test_without_a_time_what_lies_there_already_is_passed_over(desk: Desk) -> None:
    desk.save(essay="good")
    desk.save(essay="spoilt")
    assert (desk.folder / desk.back("essay.txt")).read_text() == "good"


def test_only_new_work_makes_a_version(desk: Desk) -> None:
    assert desk.save(essay="x")
    assert not desk.save()
    os.utime(desk.folder / "essay.txt", (1, 1))
    assert not desk.save()
    assert desk.save(essay="y")


def test_any_name_and_any_bytes_come_back_as_they_were(desk: Desk, base: Path) -> None:
    outside = base / "secret"
    outside.write_text("of somebody else")
    hostile = desk.folder / "work"
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
    desk.save()
    hostile.rename(base / "gone")
    desk.save()
    assert desk.back("work") == "work"
    assert tree(hostile) == before
    for path in ("work/new\nline", "work/:(top)*", "work/%41", "./work/-rf"):
        assert len(desk.own().versions(desk.own().path_of(path))) == 1
    (hostile / ".git" / "config").unlink()
    assert desk.back("work/.git/config") == "work/.git/config"


def test_a_link_is_never_followed_out_of_the_folder(desk: Desk, base: Path) -> None:
    (desk.folder / "sub").mkdir()
    (desk.folder / "sub" / "a.txt").write_text("mine")
    desk.save()
    (desk.folder / "sub" / "a.txt").unlink()
    (desk.folder / "sub").rmdir()
    elsewhere = base / "elsewhere"
    elsewhere.mkdir()
    (desk.folder / "sub").symlink_to(elsewhere)
    with pytest.raises(OwnWorkError, match=r"sub/a.txt cannot be brought back"):
        desk.back("sub/a.txt")
    assert not list(elsewhere.iterdir())


def test_files_too_large_are_not_saved_and_the_rest_is(desk: Desk) -> None:
    (desk.folder / "model.bin").write_bytes(os.urandom((1 << 20) + 1))
    desk.save(essay="x")
    with pytest.raises(OwnWorkError, match=r"model.bin was never saved.*files up to 1 MB"):
        desk.back("model.bin")
    assert desk.own().versions("essay.txt")


def test_a_file_that_changes_while_it_is_saved_is_looked_at_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real, rest = secure_files.reader, ["later"]

    def meanwhile(root: int, path: str) -> BinaryIO:
        if rest:
            (desk.folder / path).write_text(rest.pop())
        return real(root, path)

    with monkeypatch.context() as busy:
        busy.setattr(autosave, "reader", meanwhile)
        desk.save(essay="at first")
    (desk.folder / "essay.txt").unlink()
    assert (desk.folder / desk.back("essay.txt")).read_text() == "later"
    assert desk.saving.history.check() == ""


def test_names_count_from_where_the_terminal_is(desk: Desk, base: Path) -> None:
    (desk.folder / "week1").mkdir()
    own = desk.own(str(desk.folder / "week1"))
    assert own.path_of("a.ipynb") == "week1/a.ipynb"
    assert own.path_of("../a.ipynb") == "a.ipynb"
    assert desk.own(str(base)).path_of("a.ipynb") == "a.ipynb"
    assert desk.own(str(base)).path_of(f"{desk.folder}/a.ipynb") == "a.ipynb"
    for name in ("../../x", "/etc/passwd", "..", "."):
        with pytest.raises(OwnWorkError, match="Only what is there is saved"):
            desk.own().path_of(name)


@pytest.mark.parametrize(
    ("when", "says"),
    [("9", "There is no version 9"), ("2020-01-01", "not saved before 2020-01-01"), ("noon", "'noon' is no date")],
)
def test_a_time_that_leads_nowhere_is_named(desk: Desk, when: str, says: str) -> None:
    desk.save(essay="x")
    with pytest.raises(OwnWorkError, match=says):
        desk.back("essay.txt", when)


def test_times_are_understood(desk: Desk) -> None:
    now = datetime.now().astimezone()
    assert student_commands.until_of("9:30").strftime("%F %T") == now.strftime("%F 09:30:59")
    yesterday = (now - timedelta(days=1)).strftime("%F 23:59:59")
    assert student_commands.until_of("yesterday").strftime("%F %T") == yesterday
    desk.save(essay="x")
    (desk.folder / "essay.txt").unlink()
    assert desk.back("essay.txt", "today") == "essay.txt"


def test_old_versions_go_but_one_of_each_day() -> None:
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)
    versions = [Version(str(hour), start - timedelta(hours=hour), "Saved") for hour in range(0, 96, 6)]
    kept = autosave.wanted(versions, start - timedelta(days=1))
    assert [int(version.commit) for version in kept] == [0, 6, 12, 18, 24, 42, 66, 90]


def test_a_history_that_is_too_large_loses_its_older_half(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    desk = Desk(base, most_mb=1)
    for number in range(8):
        (desk.folder / "plot.bin").write_bytes(os.urandom(300_000))
        desk.save(number=str(number))
    versions = desk.own().versions("number.txt")
    assert 1 < len(versions) < 8
    assert autosave.size_of(desk.saving.history.path) < 2 << 20
    assert desk.saving.history.check() == ""
    assert (desk.folder / desk.back("number.txt", str(len(versions)))).read_text() == str(8 - len(versions))


def test_a_full_disk_is_named_and_nothing_is_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.save(essay="x")
    with monkeypatch.context() as full:
        full.setattr(autosave, "SPARE_BYTES", 1 << 60)
        with pytest.raises(OwnWorkError, match="the disk is nearly full"):
            desk.save(essay="y")
    assert desk.save()


def test_the_program_runs_alone_and_is_the_same_every_time(desk: Desk, base: Path) -> None:
    assert student_program.program() == student_program.program()
    desk.save(essay="kept")
    (desk.folder / "essay.txt").unlink()
    settings = base / "my-work.json"
    settings.write_text(json.dumps(vars(desk.settings)))
    code = f"import sys; sys.path.insert(0, {str(base / 'p.zip')!r}); from {student_program.__name__} import main; " + (
        f"sys.exit(main(sys.argv[1:], {str(settings)!r}))"
    )
    (base / "p.zip").write_bytes(student_program.program())

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        python = [sys.executable, "-I", "-c", code, *words]
        return subprocess.run(python, cwd=base, capture_output=True, text=True, check=False)

    assert run("save").returncode == 0
    done = run("my-work")
    assert "deleted  essay.txt" in done.stdout
    done = run("bring-back", "essay.txt")
    assert done.stdout == f"It is here: {desk.folder}/essay.txt\n"
    done = run("bring-back", "never.txt")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("never.txt was never saved.")
