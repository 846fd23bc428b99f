"""From environment.yml to a lock, with the real solver and a channel of a few packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockError, parse

from tests.support.conda_channels import library, write_channel, write_class_channel
from tests.support.environment_course import EnvironmentCourse

if TYPE_CHECKING:
    from pathlib import Path


class Class(EnvironmentCourse):
    """A class's folder: environment.yml, its lock, and a mirror with the channel conda-forge."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Lay it out below `folder`."""
        super().__init__(folder, folder / "mirror", capsys)
        write_class_channel(self.mirror / "conda-forge")

    def asks_for(self, *dependencies: str) -> None:
        """Write environment.yml."""
        lines = "".join(f"  - {dependency}\n" for dependency in dependencies)
        self.environment.write_text(f"channels: [conda-forge]\ndependencies:\n{lines}")

    def versions(self) -> dict[str, str]:
        """Read what the lock names."""
        return {p.name: p.version for p in self.lock.packages}


@pytest.fixture
def class_(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Class:
    return Class(tmp_path, capsys)


def test_the_lock_names_every_package_with_address_and_hash(class_: Class) -> None:
    class_.asks_for("python", "learning")
    result = class_.run()
    assert result["changed"]
    assert class_.versions() == {"python": "3.12.1", "learning": "1.5", "numbers_": "2.0"}
    lock = class_.lock
    python = next(package for package in lock.packages if package.name == "python")
    assert python.record["python_site_packages_path"] == "lib/python3.12/site-packages"
    assert python.url.startswith(class_.mirror.as_uri() + "/conda-forge/linux-64/")
    assert all(package.size > 0 for package in lock.packages)


def test_an_unchanged_request_is_not_solved_again(class_: Class) -> None:
    class_.asks_for("numbers_ 1.*")
    class_.run()
    before = class_.lock_file.read_text()
    (class_.mirror / "conda-forge/noarch/repodata.json").unlink()  # whoever asks the channel now fails
    assert class_.run()["changed"] is False
    assert class_.lock_file.read_text() == before


def test_a_changed_request_keeps_what_nothing_asks_to_change(class_: Class) -> None:
    class_.asks_for("learning", "numbers_ 1.*")
    class_.run()
    class_.asks_for("learning")
    result = class_.run()
    assert result["changed"]
    assert class_.versions()["numbers_"] == "1.0"
    class_.asks_for("numbers_ 2.*")
    assert class_.run()["changes"] == ["removed learning 1.5", "numbers_: 1.0 becomes 2.0"]


def test_another_mirror_or_platform_is_another_request(class_: Class, tmp_path: Path) -> None:
    class_.asks_for("numbers_")
    class_.run()
    class_.mirror = tmp_path / "other"
    write_class_channel(class_.mirror / "conda-forge")
    assert class_.run()["changed"]
    assert "other" in class_.lock_file.read_text()


def test_packages_are_added_where_the_channel_has_them(class_: Class) -> None:
    class_.asks_for("numbers_")
    class_.run(if_offered=["conda"])
    assert "conda" not in class_.versions()
    write_channel(class_.mirror / "conda-forge", library("conda", "26.1"))
    class_.lock_file.unlink()
    class_.run(if_offered=["conda"])
    assert class_.versions()["conda"] == "26.1"


def test_check_mode_tells_the_truth_and_writes_nothing(class_: Class) -> None:
    class_.asks_for("numbers_")
    assert class_.run(_ansible_check_mode=True)["changed"]
    assert not class_.lock_file.exists()
    class_.run()
    assert class_.run(_ansible_check_mode=True)["changed"] is False


@pytest.mark.parametrize(
    ("dependency", "words"),
    [
        ("nubmers_", ["line 3", "nubmers_", "Did you mean numbers_"]),
        ("numbers_ >=>3", ["line 3", "numbers_ >=>3", "not understood"]),
        ("numbers_ >=7", ["line 3", "no version", "numbers_ >=7", "It has 2.0, 1.0"]),
    ],
)
def test_what_cannot_be_had_is_refused_in_words(class_: Class, dependency: str, words: list[str]) -> None:
    class_.asks_for(dependency)
    result = class_.run()
    assert result["failed"]
    assert all(word in result["msg"] for word in words), result["msg"]
    assert len(result["msg"].splitlines()) <= 5
    assert not class_.lock_file.exists()


def test_packages_that_do_not_go_together_are_named(class_: Class) -> None:
    class_.asks_for("plots", "numbers_ 2.*")
    message = class_.run()["msg"]
    assert "plots" in message
    assert "numbers_" in message
    assert len(message.splitlines()) <= 5


def test_a_channel_that_does_not_answer_is_named(class_: Class) -> None:
    class_.asks_for("numbers_")
    result = class_.run(mirror_url="http://127.0.0.1:9")
    assert "http://127.0.0.1:9/conda-forge/ cannot be read" in result["msg"]


def test_a_merge_conflict_in_the_lock_is_named_with_its_line(class_: Class) -> None:
    class_.asks_for("numbers_")
    class_.run()
    damaged = class_.lock_file.read_text() + "<<<<<<< HEAD\n"
    with pytest.raises(LockError, match=rf"environment.lock, line {len(damaged.splitlines())}:"):
        parse(damaged, "environment.lock")
