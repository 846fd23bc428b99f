"""Versions that no honest machine sends do no harm at home."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import autosave_import, collector
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import errors as errors_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import AUTOSAVES
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved

from tests.support.machine_and_home import QUICK, fsck, tree
from tests.support.saving_machine import NINE, STUDENT, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator


class Forger(Desk):
    """A machine whose owner sends anything."""

    def object(self, kind: str, content: bytes) -> str:
        """Make an object of any content."""
        words = ["git", "--git-dir", str(self.there), "hash-object", "-t", kind, "-w", "--literally", "--stdin"]
        return subprocess.run(words, input=content, capture_output=True, check=True).stdout.decode().strip()

    def tree(self, **entries: tuple[str, str]) -> str:
        """Make a tree: names to modes and objects."""
        rows = sorted((name, *entry) for name, entry in entries.items())
        lines = [f"{mode} {name.replace('_', '.')}".encode() + b"\0" + bytes.fromhex(oid) for name, mode, oid in rows]
        return self.object("tree", b"".join(lines))

    def version(self, index: bytes, **work_: tuple[str, str]) -> str:
        """Make a version with this index."""
        below = self.tree(**work_)
        return self.tree(index_json=("100644", self.object("blob", index)), work=("40000", below))

    def forge(self, *trees: str, given: str | None = None) -> int:
        """Send these trees as versions."""
        pack = self.pack("\n".join(trees) if given is None else given)
        return self.send(pack, *(Saved(NINE, tree_) for tree_ in trees))

    def pack(self, asked: str) -> str:
        """Make a pack of what is asked for."""
        words = ["git", "--git-dir", str(self.there), "pack-objects", "--stdout", "-q", "--revs"]
        content = subprocess.run(words, input=asked.encode(), capture_output=True, check=True).stdout
        (self.base / "forged.pack").write_bytes(content)
        return str(self.base / "forged.pack")

    def send(self, pack: str, *saved: Saved) -> int:
        """Send this."""
        with self.student().locked(1):
            home = self.student()
            home.make_incoming()
            try:
                return home.receive_autosaved(list(saved), pack)
            finally:
                home.discard()


@pytest.fixture
def forger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forger]:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        forger = Forger(Path(folder), username=STUDENT)
        forger.save(essay="honest")
        forger.bring()
        before = tree(forger.history().path)
        yield forger
        assert tree(forger.history().path) == before
        assert fsck(forger.history()) == ""
        forger.save(essay="honest again")
        assert forger.bring() == 1


INDEX = b'{"format":1,"files":{},"broken":[],"incomplete":[],"delivered":{}}'


def test_versions_that_are_none_are_refused(forger: Forger) -> None:
    blob = ("100644", forger.object("blob", b"x"))
    good = forger.version(INDEX, a=blob)
    for says, bad in {
        "a version has no index": forger.tree(work=("40000", forger.tree(a=blob))),
        "git could not work": forger.version(INDEX, _=blob),
        "hasDotgit": forger.version(INDEX, _git=blob),
        "zeroPaddedFilemode": forger.version(INDEX, a=("0100644", blob[1])),
    }.items():
        with pytest.raises(WorkError, match=says):
            forger.forge(good, bad)
    with pytest.raises(WorkError, match="a version has no index"):
        forger.forge(forger.object("blob", b"no tree"))


def test_versions_of_which_something_is_missing_are_refused(forger: Forger) -> None:
    blob = forger.object("blob", b"the work")
    whole = forger.version(INDEX, a=("100644", blob))
    with pytest.raises(WorkError):
        forger.forge(whole, given=f"{whole}\n^{blob}")
    with pytest.raises(WorkError, match="a version has no index"):
        forger.forge("1" * 40, given=whole)
    with pytest.raises(WorkError, match="a version has no index"):
        forger.forge(forger.git("commit-tree", "-m", "no tree", whole))
    pack = forger.base / "forged.pack"
    content = pack.read_bytes()
    for damaged in (b"", content[:-9], content[:40] + b"\xff" + content[41:], b"PACK" + bytes(100)):
        pack.write_bytes(damaged)
        with pytest.raises(WorkError, match="git could not work"):
            forger.send(str(pack), Saved(NINE, whole))


def test_a_tree_that_home_has_in_part_is_no_version(desk: Desk) -> None:
    desk.save(essay="honest")
    desk.bring()
    index = subprocess.run(
        ["git", "-C", desk.history().path, "rev-parse", "main:index.json"], capture_output=True, text=True, check=True
    ).stdout.strip()
    listing = f"100644 blob {index}\tindex.json\n100644 blob {'1' * 40}\tlost\n"
    half = subprocess.run(
        ["git", "-C", desk.history().path, "mktree", "--missing"],
        input=listing, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    forger = Forger(desk.base, username=STUDENT)
    with pytest.raises(WorkError, match="missing blob"):
        forger.send(forger.pack(forger.object("blob", b"x")), Saved(NINE, half))
    subprocess.run(["git", "-C", desk.history().path, "prune"], check=True)
    assert len(desk.kept_saved()) == 1


@pytest.mark.parametrize(
    "saved",
    [
        Saved(-1, "1" * 40),
        Saved(1 << 62, "1" * 40),
        Saved(True, "1" * 40),
        Saved(1, "--all"),
        Saved(1, "1" * 40 + "\n"),
        Saved(1, ["1" * 40]),  # type: ignore[arg-type]  # it came as JSON
    ],
)
def test_claims_that_cannot_be_are_refused(forger: Forger, saved: Saved) -> None:
    with pytest.raises(WorkError, match="a version has no"):
        forger.send(str(forger.base / "none"), saved)


def test_sizes_that_no_honest_machine_sends_are_refused(forger: Forger, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = ("100644", forger.object("blob", b"x"))
    large = forger.version(bytes(40 << 20), a=blob)  # small on the way
    many = forger.version(INDEX, **{f"{number:05}": blob for number in range(40_000)})
    monkeypatch.setattr(autosave_import, "LARGEST_INDEX", 1 << 20)
    with pytest.raises(WorkError, match="a version has no index"):
        forger.forge(large)
    with pytest.raises(WorkError, match="over limit"):
        forger.forge(many)
    monkeypatch.setattr(autosave_import, "MOST_SAVED", 2)
    with pytest.raises(WorkError, match="more than 2 versions"):
        forger.send("", *(Saved(NINE, f"{number:040}") for number in range(3)))


@pytest.mark.parametrize(
    "index",
    [
        b"no json",
        b"[]",
        b'{"format":1}',
        b"[" * 100_000,
        b'{"format":1,"files":{"../out":["f",1,1,420,"%s"]},"broken":[],"incomplete":[],"delivered":{}}' % (b"0" * 64),
        b'{"format":1,"files":{"a/../../out":["l",1,1,420,"/etc"]},"broken":[],"incomplete":[],"delivered":{}}',
        b'{"format":1,"files":{"/out":["d",1,1,420,""]},"broken":[],"incomplete":[],"delivered":{}}',
        b'{"format":1,"files":{"a":["f",1,1,420,"%s"]},"broken":[],"incomplete":[],"delivered":{}}' % (b"0" * 64),
        b'{"format":1,"files":{"a":["f","1",[],{},7]},"broken":[],"incomplete":[],"delivered":{}}',
    ],
)
def test_a_version_with_an_index_of_lies_is_kept_and_never_laid_out(desk: Desk, index: bytes) -> None:
    desk.save(essay="honest")
    desk.bring()
    forger = Forger(desk.base, username=STUDENT)
    assert forger.forge(forger.version(index, a=("100644", forger.object("blob", b"x")))) == 1
    before = tree(desk.base / "machine")
    with pytest.raises((WorkError, errors_module.HistoryError)):
        desk.restore("2026-03-02T09:00+00:00")
    assert tree(desk.base / "machine") == before
    desk.student().discard()


def test_templates_that_a_student_claims_to_have_been_given_are_not_laid_out(desk: Desk) -> None:
    desk.save(essay="honest")
    index = b'{"format":1,"files":{},"broken":[],"incomplete":[],"delivered":{"record.json":"%s"}}' % (b"0" * 64)
    forger = Forger(desk.base, username=STUDENT)
    forger.forge(forger.version(index, a=("100644", forger.object("blob", b"x"))))
    manifest, _, _ = desk.student().send(desk.history().versions(AUTOSAVES)[0])
    assert manifest.delivered == {}
