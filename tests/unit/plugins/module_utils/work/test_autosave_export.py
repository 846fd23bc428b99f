"""What a machine saved itself leaves it in bounds and as the student's, whatever the student made of it."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import autosave_export
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_export import (
    Autosaved,
    AutosavedError,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import KnownSaved, Saved

from tests.support.saving_machine import MOST, ROOT, STUDENT, Desk, essay


def test_check_mode_counts_and_packs_nothing(desk: Desk) -> None:
    desk.save(essay="one")
    desk.save(essay="two")
    saved, pack = Autosaved(str(desk.saves), STUDENT).send(KnownSaved([], None), None, MOST)
    assert (saved, pack) == (desk.on_machine(), "")


def test_what_the_machine_forgets_stays_at_home_and_is_not_sent_twice(desk: Desk) -> None:
    (desk.machine / "data.bin").write_bytes(os.urandom(500_000))
    for text in ("one", "two", "three"):
        desk.save(essay=text)
    (desk.machine / "data.bin").unlink()
    desk.save()
    four, three, _, one = desk.on_machine()
    desk.bring()
    desk.write_anew(four, one)  # with the data in it, under another commit
    assert (desk.bring(), desk.sent) == (0, 0)
    desk.save(essay="five")
    desk.write_anew(*desk.on_machine()[:2])
    assert desk.bring() == 1
    assert desk.sent < 1000
    assert [saved["essay.txt"] for saved in desk.kept_saved()] == ["five", "three", "three", "two", "one"]
    assert three.tree not in desk.git("log", "--format=%T", "main")


FAKE = """#!/bin/sh
{{ id -u; id -G; pwd; tty; env; ls -l /proc/self/fd; }} > {told} 2>&1
{end}
"""


def fake_git(desk: Desk, monkeypatch: pytest.MonkeyPatch, end: str) -> Path:
    """Put a program of the student's in git's place: no setting in a repository could do more."""
    told = desk.base / "told"
    told.touch()
    told.chmod(0o666)
    (desk.base / "bin").mkdir()
    (desk.base / "bin" / "git").write_text(FAKE.format(told=told, end=end))
    (desk.base / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{desk.base / 'bin'}:{os.environ['PATH']}")
    return told


# CI is root: what is skipped anywhere is counted in the stage's line.
@pytest.mark.skipif(not ROOT, reason="becomes the student")
def test_whatever_starts_in_the_students_history_runs_as_the_student(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.save(essay="one")
    monkeypatch.setenv("SECRET_OF_ROOT", "sEcret")
    told = fake_git(desk, monkeypatch, "exit 1")
    ours, groups = os.open("/etc/shadow", os.O_RDONLY), os.getgroups()
    os.set_inheritable(ours, True)
    os.setgroups([0, 42])
    try:
        with pytest.raises(AutosavedError, match="git cannot read it"):
            Autosaved(str(desk.saves), STUDENT).send(KnownSaved([], None), None, MOST)
    finally:
        os.setgroups(groups)
        os.close(ours)
    account = pwd.getpwnam(STUDENT)
    lines = told.read_text().splitlines()
    assert lines[:4] == [str(account.pw_uid), str(account.pw_gid), "/", "not a tty"]
    names = {line.partition("=")[0] for line in lines[4:] if "=" in line and " " not in line.partition("=")[0]}
    assert {name for name in names if not name.startswith("GIT_")} <= {"PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "sEcret" not in told.read_text()
    assert "shadow" not in told.read_text()


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("exec yes", "git's list of it cannot be read|it is larger than"),
        ("exec sleep 60", "git takes too long"),
        ("sleep 60 & exit 0", "git takes too long"),
        ("exec 1>&-; exec sleep 60", "git takes too long"),
        ("while :; do echo complaint >&2; done", "git takes too long"),
        ("echo 'warning: broken' >&2", "git cannot read it: warning: broken"),
        ("printf 'commit x\\n1 y\\n'", "git's list of it cannot be read"),
    ],
)
def test_what_has_no_end_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch, end: str, says: str) -> None:
    desk.save(essay="one")
    monkeypatch.setattr(autosave_export, "LISTING_S", 1)
    fake_git(desk, monkeypatch, end)
    began = time.monotonic()
    with pytest.raises(AutosavedError, match=says):
        Autosaved(str(desk.saves), STUDENT).send(KnownSaved([], None), None, MOST)
    assert time.monotonic() - began < 5


@pytest.mark.skipif(not ROOT, reason="keeps something from the student")
@pytest.mark.parametrize("way", ["link", "alternates", "file"])
def test_what_the_student_may_not_read_does_not_come_along(desk: Desk, way: str) -> None:
    desk.save(essay="one")
    other = Desk(desk.base / "other", username=STUDENT)
    other.save(secret="of somebody else")
    private = desk.base / "private.git"
    other.there.rename(private)
    subprocess.run(["chown", "-R", "root", str(private)], check=True)
    private.chmod(0o700)
    head = subprocess.run(
        ["git", "-C", str(private), "rev-parse", "main"], capture_output=True, text=True, check=True
    ).stdout
    if way == "link":
        subprocess.run(["rm", "-r", str(desk.there)], check=True)
        desk.there.symlink_to(private)
    elif way == "alternates":
        (desk.there / "objects" / "info").mkdir(exist_ok=True)
        (desk.there / "objects" / "info" / "alternates").write_text(f"{private}/objects\n")
        (desk.there / "refs" / "heads" / "main").write_text(head)
    else:
        (desk.there / "refs" / "heads" / "main").unlink(missing_ok=True)
        (desk.there / "refs" / "heads" / "main").symlink_to("/etc/shadow")
    desk.give_away()
    with pytest.raises(AutosavedError):
        desk.bring()
    assert desk.kept_saved() == []
    assert (desk.mine / "essay.txt").read_text() == "one"


def test_settings_and_hooks_of_the_student_do_nothing(desk: Desk) -> None:
    desk.save(essay="one")
    trap = desk.base / "sprung"
    (desk.there / "hooks").mkdir()
    for name in ("post-index-change", "reference-transaction", "pre-auto-gc"):
        (desk.there / "hooks" / name).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (desk.there / "hooks" / name).chmod(0o755)
    with (desk.there / "config").open("a") as config:
        for line in ("core.fsmonitor", "core.pager", "core.sshCommand", "alias.rev-list", "gpg.program"):
            section, _, name = line.partition(".")
            config.write(f"[{section}]\n\t{name} = !touch {trap}\n")
        config.write("[log]\n\tshowSignature = true\n[core]\n\tquotePath = false\n[transfer]\n\tfsckObjects = false\n")
    desk.give_away()
    assert desk.bring() == 1
    assert not trap.exists()


def test_a_history_that_is_written_anew_meanwhile_is_listed_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("one", "two", "three"):
        desk.save(essay=text)
    real = Autosaved._listed

    def meanwhile(machine: Autosaved) -> list[Saved]:
        listed = real(machine)
        if len(listed) == 3:
            desk.write_anew(listed[0], listed[2])
        return listed

    monkeypatch.setattr(Autosaved, "_listed", meanwhile)
    assert desk.bring() == 2
    assert desk.kept_saved() == [essay("three"), essay("one")]


def test_what_is_larger_than_allowed_stays_on_the_machine(desk: Desk) -> None:
    (desk.machine / "data.bin").write_bytes(os.urandom(900_000))
    desk.save()
    with pytest.raises(AutosavedError, match="it is larger than 0 MB"):
        desk.bring(most_bytes=500_000)
    assert not (desk.base / "autosaved.pack").exists()
    assert (desk.mine / "data.bin").exists()
    assert desk.bring() == 1


@pytest.mark.parametrize("damage", ["no object", "no ref", "no HEAD", "half a pack", "a file"])
def test_a_damaged_history_is_a_sentence_and_the_work_is_at_home(desk: Desk, damage: str) -> None:
    for text in ("one", "two"):
        desk.save(essay=text)
    (pack, *_) = sorted((desk.there / "objects" / "pack").glob("*.pack"))
    if damage == "no object":
        for path in (desk.there / "objects" / "pack").glob("*"):
            path.unlink()
    elif damage == "no ref":
        (desk.there / "refs" / "heads" / "main").write_text("\0garbage\n" * 1000)
    elif damage == "no HEAD":
        (desk.there / "HEAD").unlink()
    elif damage == "half a pack":
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    else:
        subprocess.run(["rm", "-r", str(desk.there)], check=True)
        desk.there.write_text("no repository")
    desk.give_away()
    with pytest.raises((AutosavedError, WorkError), match="git "):
        desk.bring()
    assert (desk.mine / "essay.txt").read_text() == "two"
    assert desk.kept_saved() == []


def test_the_account_of_root_is_no_students(desk: Desk) -> None:
    for username in ("root", "no-such-account"):
        (desk.saves / username / "history.git").mkdir(parents=True)
        if username != "root" or not ROOT:
            with pytest.raises(AutosavedError, match="account"):
                Autosaved(str(desk.saves), username).send(KnownSaved([], None), None, MOST)
