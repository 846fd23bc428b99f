"""What machines saved themselves between two collects, taken into the history at home.

A machine may forget or write anew what it has (`autosave`); here it is only ever added, on a branch of its own. All of
it is of the student's making. It is checked to be sound and whole, and no more: whoever reads it trusts nothing in it.
"""

from __future__ import annotations

import os
import subprocess
from typing import IO, TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import AUTOSAVED, AUTOSAVES
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import (
    KNOWN_SAVED,
    MOST_SAVED,
    KnownSaved,
    Saved,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import GitStore
    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import History

LARGEST_INDEX = 256 << 20
"""Bytes of an index that a machine saved: above that of a million files. It is read into memory."""
_CHECK_S = 600


def known_saved(history: History) -> KnownSaved:
    """Return what a machine has to know of the `history` at home, to send what it saved since."""
    if not os.path.isdir(history.path):
        return KnownSaved([], None)
    saved = _saved(history.git, f"--max-count={KNOWN_SAVED}")
    collected = history.git.run("log", "--max-count=1", "--format=%ct", BRANCH).stdout
    if not collected or (saved and int(collected) < max(saved).seconds):
        return KnownSaved(saved, None)
    work = history.git.run("rev-parse", "--verify", "--quiet", f"{BRANCH}:work").stdout.decode().strip()
    return KnownSaved(saved, Saved(int(collected), work) if work else None)


def keep_autosaved(history: History, sent: Sequence[Saved], pack: str, aside: str) -> int:
    """Append what a machine `sent`, newest first, with its objects in `pack`; return how many versions are new.

    `aside` is a folder to be made, on the same disk: what arrived comes into the history when it is known to be
    sound and whole. Raise HistoryError if it is not.
    """
    for saved in sent:
        saved.check()
    if len(sent) > MOST_SAVED:
        raise HistoryError(f"there are more than {MOST_SAVED} versions")
    here = set(_saved(history.git))
    new = [saved for saved in dict.fromkeys(reversed(sent)) if saved not in here]
    if new:
        _admit(history.git, new, pack, aside)
        history.append(AUTOSAVES, new, AUTOSAVED)
        history.git.pack()
    return len(new)


def _saved(git: GitStore, *options: str) -> list[Saved]:
    """Return the versions that machines saved, as they came, newest first; none if there is no such branch."""
    lines = git.run("log", "--topo-order", "--format=%ct %T", *options, AUTOSAVES).stdout.decode().splitlines()
    return [Saved(int(seconds), tree) for seconds, tree in map(str.split, lines)]


def _admit(git: GitStore, new: Sequence[Saved], pack: str, aside: str) -> None:
    """Take the objects in `pack` into the repository, if they are sound and nothing of `new` is missing."""
    objects = os.path.join(os.path.abspath(git.path), "objects")
    os.makedirs(os.path.join(aside, "info"))
    with open(os.path.join(aside, "info", "alternates"), "w", encoding="utf-8") as alternates:
        alternates.write(f"{objects}\n")
    with open(pack, "rb") as arrived:
        _checked(git, aside, "index-pack", "--stdin", "--strict", "--threads=1", given=arrived)
    trees = list(dict.fromkeys(saved.tree for saved in new))
    asked = "".join(f"{tree}\n{tree}:index.json\n" for tree in trees).encode()
    answers = _checked(git, aside, "cat-file", "--batch-check=%(objecttype) %(objectsize)", given=asked)
    lines = answers.decode().splitlines()
    for tree, index in zip(lines[::2], lines[1::2], strict=True):
        kind, _, size = index.partition(" ")
        if not tree.startswith("tree ") or kind != "blob" or int(size) > LARGEST_INDEX:
            raise HistoryError("a version has no index")
    wanted = "\n".join(trees).encode()
    _checked(git, aside, "rev-list", "--objects", "--quiet", "--stdin", "--not", "--all", given=wanted)
    packs = os.path.join(aside, "pack")
    for name in sorted(os.listdir(packs), key=lambda name: name.endswith(".idx")):  # the index makes it count
        os.rename(os.path.join(packs, name), os.path.join(objects, "pack", name))


def _checked(git: GitStore, aside: str, *arguments: str, given: bytes | IO[bytes]) -> bytes:
    """Run git on what lies `aside`, and what it refers to in the repository; raise HistoryError if it fails."""
    # What the student made may claim any size: git asks for no more memory at once than an honest one needs.
    bounds = {"GIT_OBJECT_DIRECTORY": aside, "GIT_ALLOC_LIMIT": f"{LARGEST_INDEX}"}
    try:
        done = git.run(*arguments, given=given, settings=bounds, timeout=_CHECK_S)
    except subprocess.TimeoutExpired:
        raise HistoryError("git takes too long to check it") from None
    if done.returncode != 0:
        raise git.failure(done.stderr)
    return done.stdout
