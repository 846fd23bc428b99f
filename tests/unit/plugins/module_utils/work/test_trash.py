"""The trash is a net: from it goes only what is saved, and only when the disk is nearly full."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import trash as trash_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.trash import Trash

from tests.support.machine_and_home import QUICK
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bin:
    """A student's trash, filled as Jupyter fills it."""

    def __init__(self, terminal: Terminal) -> None:
        """Make the folders as the first delete does."""
        self.terminal = terminal
        self.folder = terminal.home / ".local/share/Trash"
        for name in ("files", "info"):
            (self.folder / name).mkdir(parents=True)
        self.day = 1

    def delete(self, name: str, called: str = "") -> None:
        """Delete as Jupyter does, each a day after the other."""
        path = self.terminal.folder / name
        called = called or path.name
        shutil.move(path, self.folder / "files" / called)
        (self.folder / "info" / f"{called}.trashinfo").write_text(
            f"[Trash Info]\nPath={quote(str(path))}\nDeletionDate=2026-03-{self.day:02}T10:00:00\n"
        )
        self.day += 1

    def held(self) -> set[str]:
        """Return what is in the trash; each with its information."""
        names = {path.name for path in (self.folder / "files").iterdir()}
        assert {path.stem for path in (self.folder / "info").iterdir()} == names
        assert not list((self.folder / ".my-work").glob("*"))
        return names

    def empty(self, full_for: int = 99) -> list[str]:
        """Make room on a disk that is full so often; return what went."""
        answers = iter([True] * full_for)
        trash = Trash(str(self.folder), str(self.terminal.folder), self.terminal.saving.history)
        return [removed.path for removed in trash.make_room(lambda _: next(answers, False))]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        yield Terminal(Path(folder))


@pytest.fixture
def bin_(terminal: Terminal) -> Bin:
    return Bin(terminal)


def test_the_oldest_that_is_saved_goes_until_there_is_room(terminal: Terminal, bin_: Bin) -> None:
    terminal.save(one="1", two="2", three="3")
    for name in ("two.txt", "one.txt", "three.txt"):
        bin_.delete(name)
    assert bin_.empty(full_for=2) == ["two.txt", "one.txt"]
    assert bin_.held() == {"three.txt"}
    terminal.save()
    assert (terminal.folder / terminal.back("two.txt")).read_text() == "2"


def test_nothing_goes_while_there_is_room(terminal: Terminal, bin_: Bin) -> None:
    terminal.save(one="1")
    bin_.delete("one.txt")
    assert bin_.empty(full_for=0) == []
    assert bin_.held() == {"one.txt"}


def test_what_is_nowhere_else_stays_however_full_the_disk_is(terminal: Terminal, bin_: Bin) -> None:
    terminal.save(saved="as it was", other="of one length")
    terminal.folder.joinpath("saved.txt").write_text("as it is.")  # edited, and deleted before it was saved
    terminal.folder.joinpath("never.txt").write_text("of the length")
    large = terminal.folder / "model.bin"
    large.write_bytes(bytes(2 << 20))  # more than is saved of one file
    terminal.save()
    terminal.folder.joinpath("saved.txt").write_text("as it is!")
    terminal.folder.joinpath("never.txt").write_text("of no length.")
    for name in ("saved.txt", "never.txt", "model.bin"):
        bin_.delete(name)
    assert bin_.empty() == []
    assert bin_.held() == {"saved.txt", "never.txt", "model.bin"}


def test_a_folder_goes_only_if_all_of_it_is_saved(terminal: Terminal, bin_: Bin) -> None:
    for name in ("whole", "half"):
        (terminal.folder / name / "deep").mkdir(parents=True)
        (terminal.folder / name / "deep" / "a.csv").write_text(name)
        (terminal.folder / name / "link").symlink_to("deep/a.csv")
    (terminal.folder / "whole" / "empty").mkdir()
    terminal.save()
    (terminal.folder / "half" / "b.csv").write_text("half, later")
    bin_.delete("half")
    bin_.delete("whole")
    assert bin_.empty() == ["whole"]
    assert bin_.held() == {"half"}
    assert (bin_.folder / "files/half/b.csv").read_text() == "half, later"
    assert (bin_.folder / "files/half/link").is_symlink()


def test_what_is_saved_under_another_name_is_saved(terminal: Terminal, bin_: Bin) -> None:
    terminal.save(essay="text")
    (terminal.folder / "copy.txt").write_text("text")
    bin_.delete("copy.txt")
    assert bin_.empty() == ["copy.txt"]


def test_a_second_of_its_name_is_told_by_where_it_was(terminal: Terminal, bin_: Bin) -> None:
    (terminal.folder / "week ä").mkdir()
    (terminal.folder / "week ä" / "a.txt").write_text("1")
    terminal.save(a="2")
    bin_.delete("week ä/a.txt")
    bin_.delete("a.txt", called="a 2.txt")
    assert bin_.empty() == ["week ä/a.txt", "a.txt"]


def test_a_link_or_a_pipe_that_is_in_the_trash_is_not_followed(terminal: Terminal, bin_: Bin) -> None:
    terminal.save(essay="text")
    (terminal.folder / "link").symlink_to(terminal.folder / "essay.txt")
    os.mkfifo(terminal.folder / "pipe")
    bin_.delete("link")
    bin_.delete("pipe")
    assert bin_.empty() == []
    assert (terminal.folder / "essay.txt").read_text() == "text"


def test_a_copy_that_cannot_be_read_is_none(terminal: Terminal, bin_: Bin) -> None:
    content = os.urandom(100_000)
    (terminal.folder / "plot.bin").write_bytes(content)
    terminal.save()
    (pack,) = Path(terminal.saving.history.path).glob("objects/pack/*.pack")
    pack.chmod(0o600)
    damaged = bytearray(pack.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    pack.write_bytes(damaged)
    bin_.delete("plot.bin")
    assert bin_.empty() == []
    assert (bin_.folder / "files/plot.bin").read_bytes() == content


def test_what_is_written_to_meanwhile_stays(terminal: Terminal, bin_: Bin, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.save(log="1")
    bin_.delete("log.txt")
    before = Trash._holds
    with open(bin_.folder / "files/log.txt", "a") as program:

        def holds(self: Trash, commit: str, digests: dict[str, str]) -> bool:
            program.write("2")
            program.flush()
            return before(self, commit, digests)

        monkeypatch.setattr(Trash, "_holds", holds)
        assert bin_.empty() == []
    assert (bin_.folder / "files/log.txt").read_text() == "12"


def test_a_run_that_was_killed_is_put_right_by_the_next(
    terminal: Terminal, bin_: Bin, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.save(one="1")
    bin_.delete("one.txt")

    class KilledError(BaseException):
        """What no code of ours catches."""

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as dying:
        dying.setattr(Trash, "_is_saved", killed)
        dying.setattr(trash_module, "_back", lambda *_: None)
        with pytest.raises(KilledError):
            bin_.empty()
    assert not (bin_.folder / "files/one.txt").exists()
    (bin_.folder / "files/one.txt").write_text("deleted since")
    assert bin_.empty(full_for=0) == []
    assert (bin_.folder / "files/one.txt").read_text() == "deleted since"
    assert (bin_.folder / "files/one.txt~2").read_text() == "1"


def test_without_information_the_day_of_the_delete_counts(terminal: Terminal, bin_: Bin) -> None:
    terminal.save(one="1", two="2")
    bin_.delete("one.txt")
    bin_.delete("two.txt")
    (bin_.folder / "info/one.txt.trashinfo").unlink()
    (bin_.folder / "info/two.txt.trashinfo").write_text("[Trash Info]\nDeletionDate=2026-03-02T10:00:00\n")
    assert bin_.empty(full_for=1) == ["two.txt"]


def test_my_work_names_what_went(terminal: Terminal, bin_: Bin, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal.save(one="1", two="2")
    bin_.delete("one.txt")
    assert "trash" not in terminal.own().listing()
    monkeypatch.setattr(Trash.make_room, "__defaults__", (lambda _: True,))
    terminal.save()
    assert bin_.held() == set()
    said = terminal.own().listing()
    assert "Removed from your trash, since the disk was nearly full; all of it is saved:" in said
    assert "(0 minutes ago)  one.txt" in said
    assert (terminal.folder / terminal.back("one.txt")).read_text() == "1"


@pytest.mark.parametrize("written", ["", "[]", '{"removed": 3}', '{"removed": [[1], ["x", "y"], [-1, "z"]]}'])
def test_a_record_that_the_student_wrote_does_no_harm(terminal: Terminal, written: str) -> None:
    terminal.save(one="1")
    (Path(terminal.saving.store) / "removed.json").write_text(written)
    assert "trash" not in terminal.own().listing()


def test_trouble_with_the_trash_hinders_no_save(terminal: Terminal, bin_: Bin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trash.make_room, "__defaults__", (lambda _: True,))
    shutil.rmtree(bin_.folder)
    bin_.folder.symlink_to(terminal.folder)
    assert terminal.save(one="1")
    bin_.folder.unlink()
    bin_.folder.write_text("no folder")
    assert terminal.save(two="2")


def test_a_disk_is_nearly_full_above_nine_tenths_of_what_students_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def disk(free: int, available: int) -> bool:
        values = (4096, 4096, 1000, free, available, 0, 0, 0, 0, 255)
        with monkeypatch.context() as patched:
            patched.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
            return trash_module.is_nearly_full("/")

    assert not disk(100, 100)
    assert disk(99, 99)
    assert disk(140, 90)  # the rest is kept for root
