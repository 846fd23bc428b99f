"""Edits, new editions, collects, earlier days, stops and exchanged machines in any order: each version is kept.

tests/unit does this with thousands of terms on folders; this is one short term on machines.
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.notebooks import edited, markdown, notebook, set_in
from tests.support.term import STUDENTS, Term, git, owned

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20266
# What takes its time comes once, at a moment that is drawn.
QUICK, SLOW = ["edit", "edit", "edit", "delete", "collect", "earlier", "update"], ["stop and start", "replace"]
STEPS = 16
LESSON = notebook(markdown("Edition 0", "title"), markdown("Your words:", "words"))


class AnyTerm:
    """What happens to the class, and every version that was ever collected."""

    def __init__(self, term: Term, chance: random.Random) -> None:
        """Begin."""
        self.term, self.chance = term, chance
        self.collected: list[tuple[str, dict[str, str]]] = []
        self.number = 0

    def step(self, what: str) -> None:
        """Let `what` happen."""
        self.number += 1
        who = self.chance.choice(STUDENTS)
        print(f"── {self.number}: {what} ({who})")
        if what == "edit":
            text = f"Your words: {self.number}"
            files = {"lesson.ipynb": json.dumps(edited(set_in(1, source=text), of=self.lesson())).encode()}
            self.term.write(who, files | {f"own/{self.chance.randrange(3)}.txt": text.encode()})
        elif what == "delete":
            self.term.on_all(f"rm -f /home/ubuntu/machine_learning_aws/daily_user/*/own/{self.chance.randrange(3)}.txt")
        elif what == "collect":
            self.collect()
        elif what == "earlier":
            self.earlier(who)
        elif what == "update":
            self.term.course.play("configure.yml")
        elif what == "stop and start":
            there = self.term.there()
            self.term.course.play(f"stop.yml -e student={who}")
            assert self.term.home().items() >= owned_by(there, who).items()
            self.term.course.play("start.yml")
            assert self.term.there() == there
        else:
            there = self.term.there()
            self.term.course.play("replace.yml -e student=carl")
            assert owned(self.term.there(), "carl").items() >= owned(there, "carl").items()

    def lesson(self) -> dict[str, object]:
        """Return the newest edition; the teacher has just made it."""
        newest = edited(set_in(0, source=f"Edition {self.number}"), of=LESSON)
        (self.term.course.folder / "notebooks" / "lesson.ipynb").write_text(json.dumps(newest))
        return newest

    def collect(self) -> None:
        """Bring all work home, and remember it."""
        self.term.collect()
        home = self.term.home()
        self.collected += [(username, owned(home, username)) for username in STUDENTS]

    def earlier(self, who: str) -> None:
        """Lay some earlier version beside."""
        history = self.term.work / ".history" / f"{who}.git"
        if not history.exists():
            return
        commit = self.chance.choice(
            git(history, "log", "--format=%H", "--grep=^Collected$", "main").stdout.decode().split()
        )
        before = owned(self.term.there(), who)
        self.term.course.play(f"restore.yml -e student={who} -e at={commit}")
        now = owned(self.term.there(), who)
        assert now.items() >= before.items()
        beside = {path.partition("/")[2]: digest for path, digest in (now.items() - before.items())}
        assert not beside or beside == version(history, commit)


def owned_by(found: dict[str, str], username: str) -> dict[str, str]:
    """Return of what was found what is the student's."""
    return {path: digest for path, digest in found.items() if path.startswith(f"{username}/")}


def version(history: Path, commit: str) -> dict[str, str]:
    """Return the SHA-256 of all files of a version, read by git alone."""
    rows = git(history, "ls-tree", "-r", "-z", f"{commit}:work").stdout.decode().split("\0")[:-1]
    return {
        row.partition("\t")[2]: hashlib.sha256(git(history, "cat-file", "blob", row.split()[2]).stdout).hexdigest()
        for row in rows
    }


@pytest.mark.timeout(1800)
def test_every_version_ever_collected_is_found(term: Term) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, and no secret
    steps = [*SLOW, *QUICK, *(chance.choice(QUICK) for _ in range(STEPS - len(SLOW) - len(QUICK)))]
    chance.shuffle(steps)
    any_term = AnyTerm(term, chance)
    any_term.lesson()
    term.course.play("configure.yml")
    for what in steps:
        any_term.step(what)
    any_term.collect()
    kept = {
        username: [
            version(history, commit) for commit in git(history, "log", "--format=%H", "main").stdout.decode().split()
        ]
        for username in STUDENTS
        for history in [term.work / ".history" / f"{username}.git"]
    }
    for username, collected in any_term.collected:
        assert collected in kept[username]
    print(f"{len(any_term.collected)} versions collected in {len(steps)} steps: all are kept")
