"""Disks that are full, of a machine and of the control node: the student and the disk are named, nothing is lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.support.commands import command
from tests.support.notebooks import code, edited, markdown, notebook, set_in
from tests.support.term import FOLDER, FOR_ALL, STORE, Term, owned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(1200)

MB = 1 << 20
LESSON = "room.ipynb"
PACKS = "/var/tmp"  # noqa: S108 - where a machine makes its packs


@contextlib.contextmanager
def small_disk(term: Term, username: str, place: str, megabytes: int) -> Iterator[None]:
    """Let `place` on a machine be a disk of its own with so much room, and in it what is there already."""
    copy = f"cp -a /run/kept/. {place}; chmod --reference=/run/kept {place}; chown --reference=/run/kept {place}"
    keep = f"rm -rf /run/kept; cp -a {place} /run/kept"
    mount = f"mount -t tmpfs -o size=$(( $(du -sm /run/kept | cut -f 1) + {megabytes} ))m tmpfs {place}"
    term.on(username, f"{FOR_ALL} sh -eu <<'THE_END'\n{keep}\n{mount}\n{copy}\nTHE_END\n")
    try:
        yield
    finally:
        empty = f"umount --lazy {place}; find {place} -mindepth 1 -delete"
        term.on(username, f"{FOR_ALL} sh -eu <<'THE_END'\nrm -f {place}/.filler\n{keep}\n{empty}\n{copy}\nTHE_END\n")


def fill(place: str) -> str:
    """Return what fills the disk of `place` to the last byte."""
    return f"head --bytes 999M /dev/zero > {place}/.filler 2> /dev/null || true"


def refused(term: Term, playbook: str) -> str:
    """Run a playbook that cannot do all, and return what it says."""
    run = command(term.course.line(playbook), check=False)
    assert run.returncode != 0
    assert "Traceback" not in run.stdout + run.stderr
    return run.stdout + run.stderr


def verdict(said: str, username: str) -> str:
    """Return what the table at the end says of a student."""
    found: list[str] = re.findall(rf"^ml101-\d+ +{username} +(\S.*)$", said, re.MULTILINE)
    return found[-1]


@contextlib.contextmanager
def small_folder(folder: Path, megabytes: int) -> Iterator[Path]:
    """Let a folder here be a disk of its own with so much room, and return a place in it to fill it with."""
    kept, filler = folder.with_name("kept"), folder / ".filler"
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    size = f"size={size_of(kept) + megabytes}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)
    try:
        yield filler
    finally:
        filler.unlink(missing_ok=True)
        subprocess.run(["rm", "-r", kept], check=True)
        subprocess.run(["cp", "-a", folder, kept], check=True)
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
        kept.rename(folder)


def size_of(folder: Path) -> int:
    """Return what the files of a folder take, in megabytes and a little more."""
    return int(subprocess.run(["du", "-sm", folder], capture_output=True, check=True).stdout.split()[0]) + 1


def test_collect_from_a_full_machine(term: Term) -> None:
    term.collect()
    term.write("ada", {"model.bin": os.urandom(9 * MB), "note.txt": b"small"})
    before = term.home()
    with small_disk(term, "ada", PACKS, 70):
        said = refused(term, "collect.yml")
        assert verdict(said, "ada").startswith("NOT SAFE: not collected: model.bin (the machine's disk has")
        assert term.home() == before | {"ada/note.txt": term.there()["ada/note.txt"]}
        term.on("ada", fill(PACKS))
        term.write("ada", {"note.txt": b"changed"})
        assert "note.txt (the machine's disk has 0 MB free" in refused(term, "collect.yml")
        term.on("ada", f"rm {PACKS}/.filler")
    term.collect()


def test_a_machine_on_which_nothing_fits(term: Term) -> None:
    """Where all is one disk, as on EC2, not even Ansible's own modules have room."""
    term.collect()
    work = term.there()
    with contextlib.ExitStack() as disks:
        for place in ("/home/ubuntu", "/tmp", PACKS, STORE):  # noqa: S108 - of the machine
            disks.enter_context(small_disk(term, "carl", place, 4))
            term.on("carl", fill(place))
        said = refused(term, "collect.yml")
        assert "NOT SAFE: the machine could not pack the work: the machine's disk is full. Make" in verdict(
            said, "carl"
        )
        said = refused(term, "restore.yml -e student=carl")
        assert "(carl)]: The machine could not be asked: the machine's disk is full. Make room there" in said
        said = refused(term, f"configure.yml --limit {term.seat_of('carl')}")
        assert verdict(said, "carl").startswith("Wait for the machine: the machine's disk is full. Make room there")
        term.on("carl", "rm /home/ubuntu/.filler")
        assert term.there() == work
    assert term.home() == work
    term.collect()


def test_collect_to_a_full_control_node(term: Term) -> None:
    term.collect()
    term.write("ada", {"model.bin": os.urandom(9 * MB), "note.txt": b"after"})
    term.write("carl", {"note.txt": b"of carl"})
    before = term.home()
    with small_folder(term.work, 40) as filler:
        said = refused(term, "collect.yml")
        assert verdict(said, "ada").startswith(f"NOT SAFE: the disk of {term.work} on this control node is full (")
        assert verdict(said, "carl").endswith("files at home")
        assert owned(term.home(), "ada") == owned(before, "ada")
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(200 * MB))
        term.write("carl", {"note.txt": b"of carl, later"})
        said = refused(term, "collect.yml")
        for username in ("ada", "carl"):
            assert verdict(said, username).startswith(
                f"NOT SAFE: the disk of {term.work} on this control node is full ("
            )
        term.nothing_lost()
    term.collect()


def test_restore_to_a_full_machine(term: Term) -> None:
    term.collect()
    work = term.there()
    with small_disk(term, "carl", FOLDER, 66):
        term.on("carl", fill(FOLDER))
        said = refused(term, "restore.yml -e student=carl")
        assert "carl: NOT restored. the machine's disk with" in said
        assert f"{FOLDER} is full (0 MB are free" in said
        assert term.on("carl", f"ls -A {FOLDER}").split() == [".filler", "carl"]
        term.on("carl", f"rm {FOLDER}/.filler")
        assert term.there() == work
    term.collect()


def test_restore_from_a_full_control_node(term: Term) -> None:
    term.write("carl", {"model.bin": os.urandom(9 * MB)})
    term.collect()
    work = term.there()
    with small_folder(term.work, 4):
        said = refused(term, "restore.yml -e student=carl")
        assert f"carl: NOT restored. the disk of {term.work} on this control node is full (" in said
        assert term.there() == work
        term.nothing_lost()
    term.course.play("restore.yml -e student=carl")
    restored = term.on(
        "carl", f"cd {FOLDER}/carl; cmp model.bin restored-*/model.bin && rm -r restored-*; ls -A"
    ).split()
    assert "model.bin" in restored
    term.write("carl", {"model.bin": b""})
    term.collect()


@pytest.mark.parametrize("place", [FOLDER, STORE])
def test_update_on_a_full_machine(term: Term, place: str) -> None:
    lesson = notebook(markdown("Edition 0", "title"), code("answer = ...", "answer"))
    template = term.course.folder / "notebooks" / LESSON
    template.write_text(json.dumps(lesson))
    term.course.play("configure.yml --limit ml101-002")
    mine = json.dumps(edited(set_in(1, source=f"answer = '{place}'"), of=lesson)).encode()
    term.write("carl", {LESSON: mine})
    template.write_text(json.dumps(edited(set_in(0, source=f"Edition {place}"), of=lesson)))
    with small_disk(term, "carl", place, 20):
        before = term.there()
        term.on("carl", fill(place))
        said = refused(term, "configure.yml --limit ml101-002")
        assert "No space left on device. Make room on the machine's disk, then run again." in said
        assert "carl" in said
        assert "ml101-002" in said
        term.on("carl", f"rm {place}/.filler")
        assert term.there() == before
        term.course.play("configure.yml --limit ml101-002")
        text = term.on("carl", f"cat {FOLDER}/carl/{LESSON}")
        cells = nbformat.reader.reads(text)["cells"]
        assert ["".join(cell["source"]) for cell in cells] == [f"Edition {place}", f"answer = '{place}'"]
    term.collect()


def test_update_from_a_full_control_node(term: Term) -> None:
    """An update needs no room here: with the disk of the class's state full, it is done."""
    edition = json.dumps(notebook(markdown("From a full disk", "title"))).encode()
    (term.course.folder / "notebooks" / "from-a-full-disk.ipynb").write_bytes(edition)
    before = term.there()
    with small_folder(term.course.state, 1) as filler:
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(30 * MB))
        term.course.play(f"configure.yml --limit {term.seat_of('carl')}")
    assert term.there() == before | {"carl/from-a-full-disk.ipynb": hashlib.sha256(edition).hexdigest()}
    term.collect()
