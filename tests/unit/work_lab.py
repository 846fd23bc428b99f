"""A machine and a home in two folders, and the way between them: what the tests of collecting work share."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils import work, work_home

Tree = dict[bytes, tuple[str, bytes]]


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

    def __post_init__(self) -> None:
        """Make the folders."""
        self.machine = self.base / "machine" / self.username
        self.home = self.base / "home"
        self.mine = self.home / self.username
        self.machine.mkdir(parents=True, exist_ok=True)
        self.packs = 0

    def manifest(
        self, largest: int = 1 << 30, rounds: int = work.ROUNDS
    ) -> tuple[work.Manifest, str, work_home.StudentHome]:
        """Ask the machine, as the module does."""
        home = work_home.StudentHome(str(self.home), self.username)
        known = work.unpack_known(work.pack_known(home.known()))
        self.packs += 1
        pack = work.Pack(str(self.base), lambda: str(self.base / f"pack{self.packs}"))
        with work.open_root(str(self.machine)) as root:
            manifest = work.collect(root, known, pack, largest=largest, rounds=rounds)
        pack.close()
        return work.Manifest.unpacked(manifest.packed()), pack.path, home

    def collect(self, largest: int = 1 << 30) -> tuple[work.Manifest, work_home.Counts]:
        """Bring the work home, as the action does."""
        with work_home.StudentHome(str(self.home), self.username).locked(1):
            manifest, pack, home = self.manifest(largest)
            counts = home.receive(manifest, pack)
        if pack:
            os.unlink(pack)
        return manifest, counts

    def history(self) -> list[Path]:
        """Return the files in the student's history, oldest run first."""
        return sorted(p for p in (self.home / ".history" / self.username).rglob("*") if not p.is_dir())
