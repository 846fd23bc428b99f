"""A machine and a home in two folders, and the way between them: what the tests of collecting work share."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import file_names, secure_files
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector, entries
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import history as history_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import home as home_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import manifest as manifest_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import pack as pack_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home_folder import Counts
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.restorer import StudentFolder

Tree = dict[bytes, tuple[str, bytes]]


# Memory where there is some: every step of these tests waits for its disk.
QUICK = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - folders of the tests' own are made there


def old(path: Path | str | bytes) -> None:
    """Give `path` an old modification time. Its change time stays new: that cannot be set."""
    os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)


def tree(root: Path | str) -> Tree:
    """Return everything below `root`: path to kind and content."""
    found: Tree = {}
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top):
        for name in files + folders:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, top)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                found[relative] = ("link", os.readlink(path))
            elif stat.S_ISDIR(mode):
                found[relative] = ("folder", b"")
            elif stat.S_ISREG(mode):
                with open(path, "rb") as content:
                    found[relative] = ("file", hashlib.file_digest(content, "sha256").digest())
    return found


@dataclass
class Way:
    """One student's folder on a machine and at home."""

    base: Path
    username: str = "ada"
    email: str = "ada@example.com"
    class_name: str = "ml101"

    def __post_init__(self) -> None:
        """Make the folders."""
        self.machine = self.base / "machine" / self.username
        self.home = self.base / "home"
        self.mine = self.home / self.username
        self.store = self.base / "store"
        self.packs = 0
        if not self.machine.exists():
            self.machine.mkdir(parents=True)
            self.folder().settle()
        self._kept: dict[str, Tree] = {}

    def manifest(
        self, largest: int = 1 << 30, rounds: int = collector.ROUNDS
    ) -> tuple[manifest_module.Manifest, str, home_module.StudentHome]:
        """Ask the machine, as the module does."""
        home = self.student()
        known = manifest_module.unpack_known(manifest_module.pack_known(home.known()))
        self.packs += 1
        pack = pack_module.Pack(str(self.base), lambda: str(self.base / f"pack{self.packs}"))
        with secure_files.open_root(str(self.machine)) as root:
            manifest = collector.collect(root, known, pack, largest=largest, rounds=rounds)
        manifest.settled = self.folder().settled()
        collector.add_delivered(manifest, str(self.store / "delivered"), self.username, home.templates(), pack)
        pack.close()
        return manifest_module.Manifest.unpacked(manifest.packed()), pack.path, home

    def collect(self, largest: int = 1 << 30) -> tuple[manifest_module.Manifest, Counts]:
        """Bring the work home, as the action does."""
        with self.student().locked(1):
            manifest, pack, home = self.manifest(largest)
            counts = home.receive(manifest, pack)
        if pack:
            os.unlink(pack)
        return manifest, counts

    def folder(self) -> StudentFolder:
        """Return the machine's side of restoring."""
        return StudentFolder(str(self.machine.parent), self.username, str(self.store))

    def new_machine(self) -> None:
        """Exchange the machine for a new one, with an empty folder for the student."""
        shutil.rmtree(self.machine)
        shutil.rmtree(self.store, ignore_errors=True)
        self.machine.mkdir()

    def restore(self, at: str = "") -> str:
        """Bring work back as the action does: once for each machine, or `at` a time beside; return where it is."""
        folder = self.folder()
        folder.tidy()
        with self.student().locked(1):
            home = self.student()
            versions = home.history.versions() + (home.history.versions(history_module.AUTOSAVES) if at else [])
            if not at and (folder.settled() or all(version.kind != history_module.COLLECTED for version in versions)):
                folder.settle()
                return ""
            version = history_module.choose(versions, "" if at == "now" else at)
            manifest, pack, _ = home.send(version)
            where = folder.lay(manifest, pack, version.name, beside=bool(at))
            if not at:
                folder.settle()
            home.discard()
        return where

    def give(self, path: str, content: bytes) -> None:
        """Give the student a template, as the role notebooks does, over nothing."""
        delivered = self.store / "delivered"
        (delivered / "objects").mkdir(parents=True, exist_ok=True)
        record = json.loads((delivered / "ada.json").read_text()) if (delivered / "ada.json").exists() else {}
        record[path] = hashlib.sha256(content).hexdigest()
        (delivered / "objects" / record[path]).write_bytes(content)
        (delivered / "ada.json").write_text(json.dumps(record))
        if not (self.machine / path).exists():
            (self.machine / path).write_bytes(content)

    def student(self) -> home_module.StudentHome:
        """Return the student's home."""
        return home_module.StudentHome(str(self.home), self.username, Owner(self.class_name, self.email))

    def history(self) -> history_module.History:
        """Return the student's history."""
        return self.student().history

    def kept(self) -> dict[str, Tree]:
        """Return every version in the history, read by plain git and unpacked from its names: commit to tree."""
        history = self.history()
        commits = [version.commit for version in history.versions()]  # once: a git may outlive the run that was killed
        for commit in commits:
            if commit not in self._kept:
                self._kept[commit] = kept_tree(history, commit)
        return {commit: self._kept[commit] for commit in commits}

    def kept_contents(self) -> set[bytes]:
        """Return the SHA-256 of every file in every version."""
        return {what for version in self.kept().values() for kind, what in version.values() if kind == "file"}


def fsck(history: history_module.History) -> str:
    """Return what git finds wrong in all that was ever kept; "" if it is sound, or if there is no history."""
    if history.owner() is None:
        return ""
    done = history.git.run("fsck", "--full", "--strict", "--no-dangling", "--no-progress")
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if not line.startswith("notice:")]
    return "" if done.returncode == 0 and not said else "\n".join(said) or done.stdout.decode(errors="replace")


def kept_tree(history: history_module.History, commit: str) -> Tree:
    """Return a version as git has it, folders from the index."""
    index = history.state(commit)
    found: Tree = {file_names.raw(path): ("folder", b"") for path, e in index.files.items() if e.kind == entries.FOLDER}
    listed = subprocess.run(
        ["git", "--git-dir", history.path, "ls-tree", "-r", "-z", f"{commit}:work"], capture_output=True, check=False
    ).stdout
    facts = [line.split(b"\t", 1) for line in listed.split(b"\0")[:-1]]
    answers = subprocess.run(
        ["git", "--git-dir", history.path, "cat-file", "--batch"],
        input=b"".join(about.split()[2] + b"\n" for about, _ in facts),
        capture_output=True,
        check=True,
    ).stdout
    for about, name in facts:
        head, _, rest = answers.partition(b"\n")
        content, answers = rest[: int(head.split()[2])], rest[int(head.split()[2]) + 1 :]
        link = about.startswith(b"120000")
        found[unquote_to_bytes(name)] = ("link", content) if link else ("file", hashlib.sha256(content).digest())
    return found
