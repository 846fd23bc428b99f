"""What a machine saved itself comes home with the collect, is found again, and can do no harm on the way."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import (
    autosave,
    autosave_export,
    collector,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import errors as errors_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import history as history_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import remote as remote_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import SAVED, Saving
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_export import (
    Autosaved,
    AutosavedError,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import AUTOSAVES
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import KnownSaved, Saved

from tests.support.machine_and_home import QUICK, Way, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = os.geteuid() == 0
STUDENT = "nobody" if ROOT else pwd.getpwuid(os.getuid()).pw_name
MOST = 100 << 20
DAY = 86400
NINE = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())


class Desk(Way):
    """A student's folder on a machine that saves it, and its home."""

    def __post_init__(self) -> None:
        """Make the folders."""
        super().__post_init__()
        self.base.chmod(0o755)  # the student goes through it
        self.saves = self.base / "my-work"
        (self.saves / STUDENT).mkdir(parents=True, exist_ok=True)
        self.sent = 0
        """Bytes of the last pack."""
        self.clock = int(time.time()) - DAY
        """When the next save happens."""

    @property
    def there(self) -> Path:
        """The history on the machine."""
        return self.saves / STUDENT / "history.git"

    def save(self, **files: str) -> None:
        """Write files and save, as the machine does, a minute after the last time."""
        for name, content in files.items():
            (self.machine / f"{name}.txt").write_text(content)
        numbers = {"largest_mb": 1, "most_mb": 100, "days": 7, "minutes": 10}
        settings = autosave.Settings(str(self.machine.parent), str(self.saves), **numbers)
        if Saving(settings, STUDENT).save():
            (newest, *others) = self.on_machine()
            self.clock += 60
            self.write_anew(Saved(self.clock, newest.tree), *others)
        self.give_away()

    def give_away(self) -> None:
        """Let the history be the student's."""
        if ROOT:
            subprocess.run(["chown", "-hR", STUDENT, str(self.saves / STUDENT)], check=True)

    def on_machine(self) -> list[Saved]:
        """Return what the machine has, newest first."""
        lines = self.git("log", "--format=%ct %T", "main").splitlines()
        return [Saved(int(seconds), tree_) for seconds, tree_ in map(str.split, lines)]

    def write_anew(self, *kept: Saved) -> None:
        """Let the machine keep only these versions, newest first, as own_work does it."""
        history = history_module.History(str(self.there))
        history.append(BRANCH, kept[::-1], SAVED, anew=True)
        autosave.git(history, "gc", "--quiet", "--prune=now")
        self.give_away()

    def at(self, *seconds: int) -> None:
        """Let what was saved have been saved then, newest first."""
        self.write_anew(*(Saved(when, was.tree) for when, was in zip(seconds, self.on_machine(), strict=True)))

    def git(self, *words: str, given: str = "") -> str:
        """Run git in the history on the machine."""
        command = ["git", "--git-dir", str(self.there), *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout.strip()

    def bring(self, most_bytes: int = MOST) -> int:
        """Bring the work home and then what the machine saved, as the action does; return how many versions came."""
        with self.student().locked(1):
            home = self.student()
            known = KnownSaved.of(json.loads(json.dumps(home.history.known_saved()._asdict())))
            manifest, pack, home = self.manifest()
            home.receive(manifest, pack)
            return self.bring_saved(known, most_bytes)

    def bring_saved(self, known: KnownSaved, most_bytes: int = MOST) -> int:
        """Do the second half of `bring`."""
        home = self.student()
        made = str(self.base / "autosaved.pack")
        sent, pack = Autosaved(str(self.saves), STUDENT).send(known, lambda: made, most_bytes)
        self.sent = os.path.getsize(pack) if pack else 0
        home.make_incoming()
        try:
            return home.receive_autosaved(sent, pack) if sent else 0
        finally:
            home.discard()

    def kept_saved(self) -> list[dict[str, str]]:
        """Return what home has of the machine's versions, newest first, read by plain git: name to content."""
        path = self.history().path
        found = []
        for version in self.history().versions(AUTOSAVES):
            names = subprocess.run(
                ["git", "-C", path, "ls-tree", "-r", "--name-only", f"{version.commit}:work"],
                capture_output=True, text=True, check=False,
            ).stdout.split()  # fmt: skip
            show = [["git", "-C", path, "show", f"{version.commit}:work/{name}"] for name in names]
            texts = [
                subprocess.run(words, capture_output=True, check=True).stdout.decode(errors="replace") for words in show
            ]
            found.append(dict(zip(names, texts, strict=True)))
        return found


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        desk = Desk(Path(folder), username=STUDENT)
        yield desk
        if desk.history().owner():
            assert desk.history().check() == ""
        assert not os.path.exists(desk.student().incoming)


def essay(text: str) -> dict[str, str]:
    return {"essay.txt": text}


# ── What comes ───────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Found again ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
    assert remote_module.push(str(desk.home), "ml101", str(remote)).same == [STUDENT]
    show = ["git", "-C", str(remote), "show", f"autosaved/ml101/{STUDENT}~1:work/essay.txt"]
    assert subprocess.run(show, capture_output=True, text=True, check=True).stdout == "two"


# ── What goes wrong, by accident or on purpose ───────────────────────────────────────────────────────────────────────


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
    assert desk.history().check() == ""
    assert desk.kept_saved() == [essay("one")]
    assert desk.bring() == 1
    assert desk.kept_saved() == [essay("two"), essay("one")]


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
        assert forger.history().check() == ""
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
    monkeypatch.setattr(history_module, "LARGEST_INDEX", 1 << 20)
    with pytest.raises(WorkError, match="a version has no index"):
        forger.forge(large)
    with pytest.raises(WorkError, match="over limit"):
        forger.forge(many)
    monkeypatch.setattr(history_module, "MOST_SAVED", 2)
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


def test_the_account_of_root_is_no_students(desk: Desk) -> None:
    for username in ("root", "no-such-account"):
        (desk.saves / username / "history.git").mkdir(parents=True)
        if username != "root" or not ROOT:
            with pytest.raises(AutosavedError, match="account"):
                Autosaved(str(desk.saves), username).send(KnownSaved([], None), None, MOST)
