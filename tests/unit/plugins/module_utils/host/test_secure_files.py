"""Naming, writing and opening in folders that somebody else changes meanwhile: never over anything, never elsewhere."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import secure_files

from tests.support.machine_and_home import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def full_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("kept")


KINDS: dict[str, Callable[[Path], object]] = {
    "file": lambda path: path.write_text(path.name),
    "link": lambda path: path.symlink_to(path.parent / "nowhere"),
    "folder": os.mkdir,
    "full folder": full_folder,
    "pipe": os.mkfifo,
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    with secure_files.open_root(str(tmp_path)) as handle:
        yield handle


@pytest.mark.parametrize("taken", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_any_kind_is_moved_over_anything(tmp_path: Path, folder: int, kind: str, taken: str) -> None:
    KINDS[kind](tmp_path / "new")
    KINDS[taken](tmp_path / "taken")
    before = tree(tmp_path)
    with pytest.raises(FileExistsError):
        secure_files.move_new(folder, "new", folder, "taken")
    assert tree(tmp_path) == before
    was = (tmp_path / "new").lstat().st_ino
    (tmp_path / "below").mkdir()
    with secure_files.open_folder(folder, "below") as below:
        secure_files.move_new(folder, "new", below, "free")
    assert (tmp_path / "below" / "free").lstat().st_ino == was
    assert not os.path.lexists(tmp_path / "new")


def test_the_first_free_name_is_taken(tmp_path: Path, folder: int) -> None:
    for name in ("new", "a", "a~2"):
        (tmp_path / name).write_text(name)
    assert secure_files.move_to_free_name(folder, "new", folder, iter(["a", "a~2", "a~3", "a~4"])) == "a~3"
    assert [(tmp_path / name).read_text() for name in ("a", "a~2", "a~3")] == ["a", "a~2", "new"]


def test_other_trouble_than_a_taken_name_is_not_tried_again(tmp_path: Path, folder: int) -> None:
    (tmp_path / "new").write_text("new")
    with pytest.raises(OSError, match="File name too long"):
        secure_files.move_to_free_name(folder, "new", folder, ("x" * 300 for _ in range(2)))
    with pytest.raises(FileNotFoundError):
        secure_files.move_new(folder, "never", folder, "free")


def test_two_names_change_places(tmp_path: Path, folder: int) -> None:
    KINDS["file"](tmp_path / "one")
    KINDS["full folder"](tmp_path / "other")
    secure_files.exchange(folder, "one", "other")
    assert ((tmp_path / "other").read_text(), (tmp_path / "one" / "inside").read_text()) == ("one", "kept")


@pytest.mark.parametrize("taken", KINDS)
def test_a_new_file_is_written_over_nothing_and_through_no_link(tmp_path: Path, folder: int, taken: str) -> None:
    KINDS[taken](tmp_path / "taken")
    before = tree(tmp_path)
    with pytest.raises(FileExistsError):
        secure_files.write_new(folder, "taken", [b"new"], mode=0o644)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("sync", [True, False])
def test_a_new_file_is_whole_and_as_small_as_it_was(tmp_path: Path, folder: int, *, sync: bool) -> None:
    pieces = [b"begin", bytes(secure_files.BLOCK), b"middle", *[bytes(secure_files.BLOCK)] * 4]
    digest = secure_files.write_new(folder, "new", pieces, mode=0o640, sync=sync)
    assert (tmp_path / "new").read_bytes() == b"".join(pieces)
    assert digest == secure_files.digest_of(pieces)
    status = (tmp_path / "new").stat()
    assert status.st_mode & 0o7777 == 0o640
    assert status.st_blocks * 512 < secure_files.BLOCK


def test_a_file_that_cannot_be_written_to_the_end_is_gone(tmp_path: Path, folder: int) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        assert os.listdir(tmp_path) == ["new"]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        secure_files.write_new(folder, "new", pieces(), mode=0o644)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("make", [True, False])
@pytest.mark.parametrize("kind", ["file", "link", "pipe"])
def test_what_is_no_folder_is_not_entered(tmp_path: Path, folder: int, kind: str, *, make: bool) -> None:
    (tmp_path / "nowhere").mkdir()  # where the link leads
    KINDS[kind](tmp_path / "a")
    for path in ("a", "a/b"):
        with pytest.raises(OSError, match=r"Not a directory|Too many levels") as raised, ExitStack() as opened:
            opened.enter_context(secure_files.open_folder(folder, path, make=make))
        assert raised.value.errno in secure_files.NO_FOLDER
    assert not os.listdir(tmp_path / "nowhere")


def test_a_folder_is_made_with_its_mode_and_only_if_asked(tmp_path: Path, folder: int) -> None:
    with pytest.raises(FileNotFoundError), secure_files.open_folder(folder, "a/b"):
        pass
    with secure_files.open_folder(folder, "a/b", make=True, mode=0o711) as inner:
        secure_files.write_new(inner, "file", [b""], mode=0o600)
    assert [(tmp_path / path).stat().st_mode & 0o7777 for path in ("a", "a/b", "a/b/file")] == [0o711, 0o711, 0o600]


def test_a_root_may_be_a_link_unless_it_is_a_students(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with secure_files.open_root(str(tmp_path / "link")) as root:
        assert os.path.samestat(os.fstat(root), (tmp_path / "real").stat())
    with pytest.raises(OSError, match="Not a directory"), secure_files.open_root(str(tmp_path / "link"), follow=False):
        pass
